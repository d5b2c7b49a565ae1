"""What a GPU gives: the same answers, and how much faster."""
