"""The Reptile paper's four convolutions, in plain torch and compiled for the CPU."""
