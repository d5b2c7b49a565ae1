"""What an adaptable network is to the rest: its parameters take the inner steps, each task's by themselves."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models.export.graph import Graph
from models.inner_loop import Gradient
from models.parameters import Parameters
from models.parts import Part
from models.tasks import TaskBatch

DRAWING = 150_000
"""About the activations of the paper's conv4 on a drawing of 28×28 pixels: the unit of `cost`."""


class Network(Part, ABC):
    """From what the encoder made of examples to feature vectors, for T tasks with parameters of their own."""

    @property
    @abstractmethod
    def takes(self) -> tuple[int, ...]:
        """Shape of what it takes of an example."""

    @property
    @abstractmethod
    def features(self) -> int:
        """Length F of a feature vector."""

    @property
    @abstractmethod
    def activations(self) -> int:
        """About how many numbers a step holds in memory for an example: what layers take and give, and gradients."""

    @property
    def cost(self) -> int:
        """What a step on an example costs, in those of conv4 on a drawing, and 1 at least."""
        return max(1, round(self.activations / DRAWING))

    @abstractmethod
    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name every parameter and its shape, without a task dimension."""

    @property
    def summary(self) -> int:
        """Length C of what `summarize` returns."""
        return self.takes[-1]

    def summarize(self, encoded: Tensor) -> Tensor:
        """Return what examples [B, *takes] look like before any parameter: means over places, at length 1 [B, C]."""
        means = encoded.float().flatten(1, -2).mean(dim=1) if encoded.dim() > 2 else encoded.float()
        return normalize(means, dim=1)

    @abstractmethod
    def initialize(self, generator: torch.Generator) -> Parameters:
        """Return fresh parameters of these shapes."""

    def pretrained(self) -> Parameters:
        """Return the parameters that a training run has a better start for. Raise KshotError where it can't be had."""
        return {}

    @abstractmethod
    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """Return features [T, B, F] of x [T, B, *takes], and the batch-norm statistics they were made with, if any.

        `weights` [T, B] are what examples count in the batch statistics, 0 for padding; `frozen` statistics, as an
        earlier call returned them, take the place of the batch's.
        """

    def gradient(self, device: torch.device) -> Gradient[TaskBatch] | None:
        """Return a faster gradient than autograd's of the mean cross-entropy under a linear head, if there is one."""
        return None

    def pack(self, tensors: Parameters, theta: Parameters, coarse: Collection[str] = ()) -> Parameters:
        """Return an adapted model's tensors as they are kept: by default as they are, in full.

        `theta` is what adaptation started from; `coarse` names matrices that may lose most of their precision.
        """
        return tensors

    def unpack(self, packed: Parameters, theta: Parameters) -> Parameters:
        """Return what `pack` was given, in single precision."""
        return packed

    @abstractmethod
    def add_to(self, graph: Graph, parameters: Parameters, statistics: Parameters, x: str) -> str:
        """Add one task's forward to an ONNX graph, from x [B, *takes]; return the name of the features [B, F].

        `parameters` have no task dimension; `statistics` are the frozen ones, by the names that `__call__` gives them.
        """
