"""The networks that adapt: a file or folder for each kind."""
