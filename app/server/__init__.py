"""How `kshot serve` runs: process tuning, processes, time-outs, draining."""
