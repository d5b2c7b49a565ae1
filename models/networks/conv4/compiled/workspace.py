"""Memory for parts of a batch that are worked on one after another."""

import math

import torch
from torch import Tensor


class Workspace:
    """Uninitialized tensors by name, of the dtype and device of `like`.

    A name that is asked for again gives the same memory, with what it held.
    """

    def __init__(self, like: Tensor) -> None:
        self._like = like
        self._buffers: dict[str, Tensor] = {}

    def tensor(self, name: str, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
        """Return a tensor of this shape."""
        size = math.prod(shape)
        buffer = self._buffers.get(name)
        if buffer is None or buffer.numel() < size:
            buffer = self._buffers[name] = self._like.new_empty(size, dtype=dtype)
        return buffer[:size].view(shape)
