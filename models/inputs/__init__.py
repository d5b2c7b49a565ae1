"""What an example is, and how it is prepared for the network: a file for each kind."""
