"""Vectors as examples: readings of sensors, a robot's state, embeddings that somebody has already."""

import json
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import FiniteFloat, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from models.export.graph import Graph
from models.inputs.interface import Input
from models.parts import register


@register
class VectorInput(Input):
    """Numbers, as float32 [size]; the network takes (x − mean) / scale."""

    field: ClassVar[str] = "inputs"
    dtype: ClassVar[torch.dtype] = torch.float32
    media_type: ClassVar[str] = "application/json"
    suffix: ClassVar[str] = ".json"
    readable: ClassVar[bool] = True
    type: Literal["vector"] = "vector"
    size: PositiveInt
    mean: tuple[FiniteFloat, ...] = ()
    """Of each number over the training tasks; () for 0."""
    scale: tuple[PositiveFloat, ...] = ()
    """Standard deviations of the same; () for 1."""

    @model_validator(mode="after")
    def _as_many_as_numbers(self) -> Self:
        if {len(self.mean), len(self.scale)} - {0, self.size}:
            raise ValueError(f"mean and scale have {len(self.mean)} and {len(self.scale)} numbers, not {self.size}")
        return self

    @property
    def example(self) -> tuple[int, ...]:
        """See Input."""
        return (self.size,)

    @property
    def shape(self) -> tuple[int, ...]:
        """See Input."""
        return (self.size,)

    def prepare(self, numbers: Sequence[float], /) -> Tensor:
        """Return a vector. Raise ValueError for one of another length, or that isn't finite in single precision."""
        if len(numbers) != self.size:
            raise ValueError(f"it has {counted(len(numbers))}, and the checkpoint takes {self.size}")
        return finite(numbers)

    def normalize(self, examples: Tensor) -> Tensor:
        """See Input."""
        return standardized(examples.to(torch.float32), self.mean, self.scale)

    def keep(self, example: Tensor) -> bytes:
        """Return the numbers as a JSON array: what single precision holds is the same in decimal."""
        return json.dumps(example.tolist()).encode()

    def restore(self, data: bytes) -> Tensor:
        """Return the example of such an array."""
        return self.prepare(json.loads(data))

    def describe(self) -> dict[str, object]:
        """Say what a vector has to be."""
        return {"size": self.size, "type": "float32", "steps": []}

    def add_to(self, graph: Graph, examples: str) -> str:
        """See Input."""
        if self.mean:
            examples = graph.add("Sub", examples, graph.constant("input.mean", np.array(self.mean, dtype=np.float32)))
        if self.scale:
            examples = graph.add("Div", examples, graph.constant("input.scale", np.array(self.scale, dtype=np.float32)))
        return graph.add("Identity", examples)


def finite(numbers: Sequence[float]) -> Tensor:
    """Return numbers in single precision. Raise ValueError for one that is not finite there."""
    found = torch.tensor(numbers, dtype=torch.float64).to(torch.float32)
    wrong = (~found.isfinite()).nonzero()
    if len(wrong):
        place = int(wrong[0])
        raise ValueError(f"number {place + 1} of it is {numbers[place]}, which is not finite in single precision")
    return found


def standardized(values: Tensor, mean: Sequence[float], scale: Sequence[float]) -> Tensor:
    """Return (x − mean) / scale along the last axis, where a mean or scale of () changes nothing."""
    values = values - values.new_tensor(mean) if mean else values
    return values / values.new_tensor(scale) if scale else values


def counted(numbers: int) -> str:
    """Return a count of numbers in words."""
    return "1 number" if numbers == 1 else f"{numbers} numbers"
