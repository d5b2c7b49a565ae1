"""Projects: pictures as they were added, classes and settings, as one file."""
