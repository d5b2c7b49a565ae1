"""Rows of numbers on the disk: more of them than memory should hold."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import torch
from torch import Tensor

HALF = np.dtype(np.float16)
BLOCK = 2048


class ArrayFile:
    """Rows in half precision, of a shape each, that are added at the end and read in blocks. Not mapped into memory.

    A context manager, which closes the file.
    """

    def __init__(self, path: Path, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.rows = 0
        self._numbers = math.prod(self.shape)
        self._file = path.open("w+b")

    def append(self, rows: Tensor) -> None:
        """Add rows [R, *shape]."""
        self._file.seek(0, 2)
        self._file.write(rows.to(torch.float16).contiguous().numpy().data)
        self.rows += len(rows)

    def blocks(self, size: int = BLOCK) -> Iterator[tuple[slice, Tensor]]:
        """Yield all rows in turn, up to `size` at a time: their places, and them in single precision [R, *shape]."""
        for first in range(0, self.rows, size):
            places = slice(first, min(first + size, self.rows))
            yield places, self._read(places.start, places.stop - places.start)

    def take(self, places: Sequence[int]) -> Tensor:
        """Return the rows at these places [R, *shape], in single precision."""
        return torch.cat([self._read(place, 1) for place in places])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._file.close()

    def _read(self, first: int, rows: int) -> Tensor:
        self._file.seek(first * self._numbers * HALF.itemsize)
        found = np.frombuffer(self._file.read(rows * self._numbers * HALF.itemsize), HALF)
        return torch.from_numpy(found.astype(np.float32)).view(rows, *self.shape)
