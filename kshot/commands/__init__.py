"""The command line of a running server's users: `kshot adapt`, `predict`, `models` and `checkpoints`."""
