"""The convolution block for the CPU: loops compiled by numba around torch's matrix products."""
