"""Tables as people export them, read into examples."""
