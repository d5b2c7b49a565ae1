"""The speed of the inner loop compared with other ways to take the same steps: see `__main__`."""
