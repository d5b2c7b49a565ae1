"""Stands before numba on the path of servers that tests start: as where the extra `fast` is not installed."""

raise ImportError("kept out by a test")
