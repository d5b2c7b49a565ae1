"""Parts of a batch of tasks that go through a layer together, so that what is made of them stays in the cache."""

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

from numpy.typing import NDArray
from torch import Tensor

Values = TypeVar("Values", Tensor, NDArray[Any])
TILE_BYTES = 2**22
"""Size of a layer's largest intermediate in a tile: about a core's second-level cache."""


class Tile(NamedTuple):
    """All images of several tasks, or several images of one task."""

    tasks: slice
    images: slice

    def of(self, values: Values) -> Values:
        """Return a view of this tile's part of a [T, B, ...]."""
        return values[self.tasks, self.images]


def split(tasks: int, batch: int, image_bytes: int, most_tasks: int | None = None) -> Iterator[Tile]:
    """Yield tiles of T tasks of B images, whose intermediate takes `image_bytes` each; at least one image a tile."""
    fitting = max(1, TILE_BYTES // image_bytes)
    together, parts = max(1, min(fitting // batch, most_tasks or tasks)), -(-batch // fitting)
    step = -(-batch // parts)
    for task in range(0, tasks, together):
        for image in range(0, batch, step):
            yield Tile(slice(task, min(task + together, tasks)), slice(image, min(image + step, batch)))
