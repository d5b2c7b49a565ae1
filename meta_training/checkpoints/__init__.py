"""Checkpoints made without meta-training, and the command that makes and calibrates them."""
