"""How each kind of example comes in forms: a file a kind, against one interface."""
