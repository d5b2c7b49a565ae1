"""How `kshot serve` runs: switches of the process, sockets, time-outs, draining, several processes."""
