"""Accuracy of a checkpoint for photographs, and of what one would use instead, on the same encoder and episodes."""
