"""The thread that owns the device, its jobs and queue, and the checkpoints it has loaded."""
