"""Examples that are copies of one another or frames of one scene: they tell no more than one of them does."""

import torch
from torch import Tensor
from torch.nn.functional import normalize


def near_copies(features: Tensor, labels: Tensor, alike: float | None) -> Tensor:
    """Return each example's group [S]: the place of the first example that it is a near copy of, or its own.

    features [S, F], labels [S]. Two of a class are near copies where their cosine is `alike` of the way from the mean
    cosine of examples of different classes to 1; so are copies of copies. None says that nothing can be told.
    """
    own = torch.arange(len(labels), device=labels.device)
    if alike is None:
        return own
    directions = normalize(features, dim=1)
    cosines = directions @ directions.T
    same = labels[:, None] == labels
    between = cosines[~same].mean()
    near = same & (cosines - between >= alike * (1 - between)) | torch.eye(
        len(own), dtype=torch.bool, device=own.device
    )
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


def one_of_each(features: Tensor, labels: Tensor, groups: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean direction of each group of near copies [G, F] and its label [G], from features [S, F]."""
    firsts, places = torch.unique(groups, return_inverse=True)
    if len(firsts) == len(groups):
        return features, labels
    sums = features.new_zeros(len(firsts), features.shape[1]).index_add(0, places, normalize(features, dim=1))
    return sums, labels[firsts]
