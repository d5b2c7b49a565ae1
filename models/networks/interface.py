"""What an adaptable network is to the rest: conv4 for drawings, the last block after an encoder for photographs."""

from typing import Protocol

import torch
from torch import Tensor

from models.parameters import Parameters


class Network(Protocol):
    """From images, or what an encoder made of them, to feature vectors, for T tasks with parameters of their own."""

    @property
    def features(self) -> int:
        """Length of an image's feature vector."""

    @property
    def activations(self) -> int:
        """About how many numbers a step has in memory for an image: layers' inputs and outputs, and their gradients."""

    def initialize(self, generator: torch.Generator) -> Parameters:
        """Fresh parameters without a task dimension."""

    def __call__(
        self,
        parameters: Parameters,
        x: Tensor,
        weights: Tensor | None = None,
        frozen: Parameters | None = None,
    ) -> tuple[Tensor, Parameters]:
        """Features [T, B, F] of x [T, B, ...], and the batch-norm statistics they were made with, where there are any.

        `weights` [T, B], 1 or 0, leaves padding out of the batch statistics; `frozen` statistics, as an earlier call
        returned them, take the place of the batch's.
        """
