"""Commands for users of a running server: `kshot adapt`, `predict`, `models` and `checkpoints`."""
