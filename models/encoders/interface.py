"""What an encoder is to the rest: the frozen part of a learner, shared by all tasks, that runs once an example."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from models.export.graph import Graph
from models.inputs.interface import Input
from models.parameters import Parameters
from models.parts import Part

Encode: TypeAlias = Callable[[Tensor], Tensor]
"""From examples [B, ...] to what the adaptable network takes of them, float32 [B, ...] on the learner's device."""
HALF = torch.float16  # what a training run keeps of its examples, and the checkpoint of most encoders' weights


class Weight(NamedTuple):
    """Shape and type of a tensor in the checkpoint."""

    shape: tuple[int, ...]
    dtype: torch.dtype


class Encoder(Part, ABC):
    """From examples to what the adaptable network takes; `source` is the input that they are of."""

    @abstractmethod
    def output(self, source: Input) -> tuple[int, ...]:
        """Return the shape of what comes of one example. Raise ValueError for an input that it cannot take."""

    def missing(self) -> str | None:
        """Return how to install what it needs beside this package, where that isn't there; None where nothing is."""
        return None

    def exported(self, source: Input) -> tuple[tuple[int | str, ...], torch.dtype]:
        """Return shape, without the batch, and type of what an exported graph takes; names are lengths of any size."""
        return source.example, source.dtype

    def describe(self, source: Input) -> Mapping[str, object]:
        """Say how to prepare an example, for those who run an exported file: plain JSON values."""
        return source.describe()

    @abstractmethod
    def weights(self) -> Mapping[str, Weight]:
        """Name the tensors it needs in a checkpoint."""

    @abstractmethod
    def pretrained(self) -> Parameters:
        """Return its weights for a new checkpoint. Raise KshotError where they cannot be had."""

    @abstractmethod
    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """Return what encodes examples on a device, with `threads` where that is the CPU."""

    def build_ahead(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """Return what a training run calls once on all its examples: here they are encoded, in half precision."""
        encode = self.build(weights, source, device, threads)
        return lambda examples: encode(examples).to("cpu", HALF)

    @abstractmethod
    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """Add its nodes to an ONNX graph; return the name of their output, laid out as `output` says."""


def encode_in_parts(encode: Encode, examples: Tensor, size: int) -> Tensor:
    """Return what `encode` makes of all examples, `size` at a time."""
    return torch.cat([encode(part) for part in torch.split(examples, size)])
