"""The inner loop's speed against other ways to take the same steps: see `__main__`."""
