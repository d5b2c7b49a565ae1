"""The names of files, in whatever encoding they were written."""
