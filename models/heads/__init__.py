"""The last layer: how its weights come to be for a task. A file for each kind."""
