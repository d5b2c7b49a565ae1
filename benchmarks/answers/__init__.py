"""Whether answers mean what they say."""
