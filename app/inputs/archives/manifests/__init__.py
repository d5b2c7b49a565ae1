"""Lists of labels as label tools export them: a module for each format."""
