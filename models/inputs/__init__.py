"""What an example is, and how it is prepared for the network. A file for each kind."""
