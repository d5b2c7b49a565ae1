"""The store of a local directory, or of one that several machines share."""
