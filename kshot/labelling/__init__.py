"""What labels of further pictures say of a model, and which to give next."""
