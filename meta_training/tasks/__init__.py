"""Tasks that are not class folders."""
