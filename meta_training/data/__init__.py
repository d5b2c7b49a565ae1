"""Data sets: sources, class folders, splits, episodes and meta-batches."""
