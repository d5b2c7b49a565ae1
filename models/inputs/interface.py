"""What an input is to the rest: the kind of example that a learner adapts to."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from models.export.graph import Graph
from models.parts import Part


class Input(Part, ABC):
    """A kind of example: how one is prepared, kept and described. `draft`, `upright`, `is_fitted_in` are of pictures.

    Examples are tensors of `dtype` and of the shape `example`. Without an encoder, the network takes them normalized,
    of the shape `shape`.
    """

    field: ClassVar[str] = "images"
    """The field of requests that brings such examples."""
    dtype: ClassVar[torch.dtype] = torch.uint8
    media_type: ClassVar[str]
    """Of the bytes that `keep` gives."""
    suffix: ClassVar[str] = ".webp"
    """Of their files."""
    readable: ClassVar[bool] = False
    """Whether they are text in UTF-8, for people to read."""

    @property
    @abstractmethod
    def example(self) -> tuple[int, ...]:
        """Shape of an example: C, H, W of an image."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Shape of a normalized example, channels last: H, W, C of an image."""

    def blank(self, count: int) -> Tensor:
        """Return `count` examples of zeros [count, *example]."""
        return torch.zeros(count, *self.example, dtype=self.dtype)

    def draft(self, picture: Image.Image) -> None:
        """Let a picture's file decode at less than its size, as far as `prepare` has no use for more. Call it first."""

    def upright(self, picture: Image.Image) -> Image.Image:
        """Return a picture as people see it, of which parts can be cut for `prepare`."""
        return picture

    @abstractmethod
    def prepare(self, example: Any, /) -> Tensor:
        """Return the example [*example] of what was sent: of `images` a picture, of `texts` a str."""

    def is_blank(self, example: Tensor) -> bool:
        """Say whether an example [*example] shows a network nothing: it is the same all over, or nearly so."""
        return False

    def covered(self, example: Tensor) -> Tensor | None:
        """Return copies of an example [P, *example] with one place after the other covered; None if it has none."""
        return None

    def is_fitted_in(self, size: tuple[int, int]) -> bool:
        """Say whether `prepare`, which crops, keeps the whole of a picture of this width and height."""
        return False

    @abstractmethod
    def normalize(self, examples: Tensor) -> Tensor:
        """Return examples [..., *example] as a network takes them: float32 [..., *shape]."""

    @abstractmethod
    def keep(self, example: Tensor) -> bytes:
        """Return an example as bytes of `media_type` from which `restore` gives it back, equal in every number."""

    @abstractmethod
    def restore(self, data: bytes) -> Tensor:
        """Return the example that `keep` was given. Raise OSError or ValueError for damaged bytes."""

    @abstractmethod
    def describe(self) -> dict[str, object]:
        """Say how to prepare an example, for those who run an exported file: plain JSON values."""

    @abstractmethod
    def add_to(self, graph: Graph, examples: str) -> str:
        """Add the nodes of `normalize` to an ONNX graph; return the name of their output [B, *shape]."""
