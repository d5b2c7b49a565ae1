"""The use cases: create, predict, edit, export."""
