"""How many labels ranked labelling spares."""
