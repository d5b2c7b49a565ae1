"""Memory for parts of a batch that are worked on one after another."""

import math

import torch
from torch import Tensor


class Room:
    """Tensors by name, in the precision of `like`. One name asked for again is the same memory, and not cleared."""

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._held: dict[str, Tensor] = {}

    def __call__(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """A tensor of this shape."""
        size = math.prod(shape)
        held = self._held.get(name)
        if held is None or held.numel() < size:
            held = self._held[name] = self._like.new_empty(size, dtype=dtype)
        return held[:size].view(shape)
