"""How good heads of fewer examples are: whether more of them would help."""

import torch
from torch import Tensor

from models.estimates.cross_validation import held_out_scores, places, takes_long
from models.heads.interface import Head

TURNS = 2
"""How often the examples that a curve's heads are made of are chosen anew."""


def learning_curve(head: Head, features: Tensor, labels: Tensor, ways: int) -> list[tuple[int, float]]:
    """Return pairs: examples of each class, and the share of all others that heads of so few get right.

    The numbers are 1, 2, 4, ... below the size of the smallest class. features [S, F]; labels [S]. Empty where that
    class has but one example, or there are too many.
    """
    shots = torch.bincount(labels, minlength=ways)
    sizes = [2**power for power in range(int(shots.amin())) if 2**power < int(shots.amin())]
    if not sizes or takes_long(labels, ways):
        return []
    chosen = torch.tensor([[size, turn * size] for size in sizes for turn in range(TURNS)], device=labels.device)
    held = (places(labels, ways) - chosen[:, 1:]) % shots[labels] >= chosen[:, :1]
    right = (held_out_scores(head, features, labels, ways, held).argmax(dim=2) == labels) & held
    shares = right.view(len(sizes), -1).sum(dim=1) / held.view(len(sizes), -1).sum(dim=1)
    return list(zip(sizes, shares.tolist(), strict=True))
