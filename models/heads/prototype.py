"""A head that starts at the class means."""

from typing import Literal

import torch
from pydantic import PositiveFloat
from torch import Tensor
from torch.nn.functional import one_hot

from models.heads.interface import Head
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.parameters import Parameters
from models.parts import register


@register
class PrototypeHead(Head):
    """Class means c: w = 2c/τ and b = −‖c‖²/τ, so logits order classes by distance (Proto-MAML, Triantafillou 2020).

    A mean of n examples is longer than the class's own, by the variance / n. Every class gets the length that the
    rarest one's number of examples would give it: else the classes of many examples attract the others'.
    """

    type: Literal["prototype"] = "prototype"
    temperature: PositiveFloat = 1.0
    """τ."""

    def build(self, features: Tensor, labels: Tensor, ways: Tensor) -> Parameters:
        """See Head."""
        members = one_hot(labels + 1, int(ways.max()) + 1)[..., 1:].to(features.dtype).transpose(1, 2)  # [T, N, S]
        shots = members.sum(dim=2)
        sizes = shots.clamp_min(1)
        prototypes = torch.bmm(members, features) / sizes.unsqueeze(2)
        lengths = prototypes.square().sum(dim=2)
        squares = torch.bmm(members, features.square().sum(dim=2, keepdim=True)).squeeze(2) / sizes
        variances = (squares - lengths) * sizes / (sizes - 1).clamp_min(1)
        rarest = shots.masked_fill(shots == 0, torch.inf).amin(dim=1, keepdim=True)
        lengths = lengths + variances * (1 / rarest - 1 / sizes).clamp_min(0)
        return {HEAD_WEIGHT: prototypes * (2 / self.temperature), HEAD_BIAS: lengths / -self.temperature}
