"""Examples that are copies of one another or frames of one scene: they tell no more than one of them does."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from models.tasks import PADDING, pad_stack


def near_copies(features: Sequence[Tensor], labels: Sequence[Tensor], alike: float | None) -> list[Tensor]:
    """Return each example's group [S], on the host: the place of the first one that it is a near copy of, or its own.

    features [S, F] and labels [S] of each of T support sets. Two of a class are near copies where their cosine is
    `alike` of the way from the mean cosine of examples of different classes to 1; so are copies of copies. None says
    that nothing can be told.
    """
    if alike is None:
        return [torch.arange(len(own)) for own in labels]
    directions = normalize(pad_stack(features), dim=2)
    cosines = torch.bmm(directions, directions.mT).cpu()
    return [_groups(each[: len(own), : len(own)], own.cpu(), alike) for each, own in zip(cosines, labels, strict=True)]


def _groups(cosines: Tensor, labels: Tensor, alike: float) -> Tensor:
    """Return the groups [S] by the cosines [S, S] of one support set."""
    own = torch.arange(len(labels))
    same = labels[:, None] == labels
    between = cosines[~same].mean()
    near = (same & (cosines - between >= alike * (1 - between))).fill_diagonal_(True)
    groups = own
    while True:  # each takes the first place among its neighbours', until nothing changes
        following = torch.where(near, groups, len(own)).amin(dim=1)
        if torch.equal(following, groups):
            return groups
        groups = following


def copies(groups: Tensor) -> list[list[int]]:
    """Return the examples of each group that has several."""
    members: dict[int, list[int]] = {}
    for place, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(place)
    return [places for places in members.values() if len(places) > 1]


def one_of_each(directions: Tensor, labels: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Return directions [T, S, F] and labels [T, S] with the sum of each group of near copies in place of its first.

    The others' labels become PADDING, their directions 0. Groups [T, S] of what is padded are its own.
    """
    own = torch.arange(groups.shape[1], device=groups.device)
    members = one_hot(groups, groups.shape[1]).to(directions.dtype)
    return torch.bmm(members.mT, directions), labels.where(groups == own, PADDING)
