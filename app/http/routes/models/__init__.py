"""Adapted models: list, show, edit, export and share them, and ask them about labels."""
