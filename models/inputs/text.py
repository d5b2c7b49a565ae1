"""Texts as examples: their bytes in UTF-8, from which an encoder makes what it reads."""

from typing import ClassVar, Literal

import numpy as np
import torch
from onnx import TensorProto
from pydantic import PositiveInt
from torch import Tensor

from models.export.graph import Graph
from models.inputs.interface import Input
from models.parts import register


@register
class TextInput(Input):
    """Sentences and short texts, as uint8 [length]: UTF-8, then zeros."""

    field: ClassVar[str] = "texts"
    media_type: ClassVar[str] = "text/plain; charset=utf-8"
    suffix: ClassVar[str] = ".txt"
    readable: ClassVar[bool] = True
    type: Literal["text"] = "text"
    length: PositiveInt = 2000
    """Most bytes of a text."""

    @property
    def example(self) -> tuple[int, ...]:
        """See Input."""
        return (self.length,)

    @property
    def shape(self) -> tuple[int, ...]:
        """See Input."""
        return (self.length,)

    def prepare(self, text: str, /) -> Tensor:
        """Return the bytes of a text. Raise ValueError for one that is too long, or holds the character U+0000."""
        data = text.encode()
        if len(data) > self.length:
            raise ValueError(f"it has {len(data)} bytes in UTF-8, and {self.length} is the most")
        if b"\0" in data:
            raise ValueError("it holds the character U+0000, which is no text")
        return torch.from_numpy(np.frombuffer(data.ljust(self.length, b"\0"), dtype=np.uint8).copy())

    def normalize(self, examples: Tensor) -> Tensor:
        """Return the bytes between 0 and 1, for a network that reads these."""
        return examples.to(torch.float32).div_(255)

    def keep(self, example: Tensor) -> bytes:
        """Return the text in UTF-8."""
        return example.numpy().tobytes().rstrip(b"\0")

    def restore(self, data: bytes) -> Tensor:
        """Return the example of such a text."""
        return self.prepare(data.decode())

    def describe(self) -> dict[str, object]:
        """Say how a text becomes bytes."""
        return {"length": self.length, "type": "uint8", "steps": ["encode in UTF-8", "zeros up to `length`"]}

    def add_to(self, graph: Graph, examples: str) -> str:
        """See Input."""
        x = graph.add("Cast", examples, to=TensorProto.FLOAT)
        return graph.add("Div", x, graph.number("input.scale", 255))


def texts(examples: Tensor) -> list[str]:
    """Return the texts of examples uint8 [B, length]."""
    return [row.tobytes().rstrip(b"\0").decode() for row in examples.cpu().numpy()]
