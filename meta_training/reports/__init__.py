"""Cards, tables and pictures."""
