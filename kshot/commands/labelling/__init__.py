"""`kshot label`: label a folder with the help of a model, and sort it."""
