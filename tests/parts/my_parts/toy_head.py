from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.heads.interface import Head
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.parameters import Parameters
from models.parts import register


@register
class Sums(Head):
    """Sums of a class's features, and half their squares taken off."""

    type: Literal["toy-sums"] = "toy-sums"
    strength: float = 0.5

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        members = one_hot(labels + 1, int(ways.max()) + 1)[..., 1:].to(features.dtype)
        sums = torch.bmm(members.transpose(1, 2), features) * self.strength
        return {HEAD_WEIGHT: sums, HEAD_BIAS: sums.square().sum(dim=2) / -2}
