"""Frozen batch-norm statistics among an adapted model's tensors."""

from models.parameters import Parameters

PREFIX = "statistics."


def named(statistics: Parameters) -> Parameters:
    """Return statistics by the names under which an adapted model keeps them."""
    return {PREFIX + name: tensor for name, tensor in statistics.items()}


def statistics_of(tensors: Parameters) -> Parameters:
    """Return the statistics among an adapted model's tensors, by the network's own names."""
    return {name.removeprefix(PREFIX): tensor for name, tensor in tensors.items() if name.startswith(PREFIX)}
