"""The frozen part of a learner, which runs once an example. A file or folder for each kind."""
