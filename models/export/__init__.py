"""An adapted model and all it needs as one file, that runs without this package."""
