"""Each figure of README.md and docs/, one command each: `python -m benchmarks.<name> --help`."""
