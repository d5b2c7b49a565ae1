"""What a model makes of pictures that it was not made of: how many it gets right, and which to label next."""
