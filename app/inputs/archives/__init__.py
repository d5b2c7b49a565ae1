"""Archives of labelled images: their names, layouts and bounds."""
