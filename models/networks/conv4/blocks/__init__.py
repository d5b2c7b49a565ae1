"""The convolution block in two ways: plain torch operations, and loops compiled for the CPU."""
