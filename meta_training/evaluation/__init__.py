"""Scores over episodes, and by the paper's protocol."""
