"""What training and serving share: networks, heads, the inner loop, preprocessing and the checkpoint format."""
