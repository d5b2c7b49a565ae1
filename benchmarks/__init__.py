"""Each number of the README, one command each: `python -m benchmarks.<name> --help`."""
