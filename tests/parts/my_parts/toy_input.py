from __future__ import annotations

import io
from typing import ClassVar, Literal

import numpy as np
import torch
from onnx import TensorProto
from PIL import Image
from torch import Tensor

from models.export.graph import Graph
from models.inputs.interface import Input
from models.parts import register


@register
class Thumbnail(Input):
    """Grey pictures, stretched to 12×12."""

    media_type: ClassVar[str] = "image/png"
    type: Literal["toy-thumbnail"] = "toy-thumbnail"

    @property
    def example(self) -> tuple[int, ...]:
        return 1, 12, 12

    @property
    def shape(self) -> tuple[int, ...]:
        return 12, 12, 1

    def prepare(self, picture: Image.Image) -> Tensor:
        grey = picture.convert("L").resize((12, 12), Image.Resampling.BOX)
        return torch.from_numpy(np.array(grey)).unsqueeze(0)

    def normalize(self, examples: Tensor) -> Tensor:
        return 1 - examples.movedim(-3, -1).float() / 255

    def keep(self, example: Tensor) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(example[0].numpy()).save(buffer, "PNG")
        return buffer.getvalue()

    def restore(self, data: bytes) -> Tensor:
        return torch.from_numpy(np.array(Image.open(io.BytesIO(data)))).unsqueeze(0)

    def describe(self) -> dict[str, object]:
        return {"size": 12, "steps": ["grey", "stretch to 12×12"]}

    def add_to(self, graph: Graph, examples: str) -> str:
        x = graph.add("Cast", examples, to=TensorProto.FLOAT)
        x = graph.add("Sub", graph.number("one", 1), graph.add("Div", x, graph.number("white", 255)))
        return graph.add("Transpose", x, perm=[0, 2, 3, 1])
