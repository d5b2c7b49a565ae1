"""Subsets of a support set in which no class has many more examples than another.

A class whose head rests on more examples has less noise in it, and so larger logits: the others' new examples are then
taken for its own. A mean of heads, each made of about as many examples of every class, has no such favourite, and still
uses all examples (bagging on balanced subsets; compare EasyEnsemble, Liu et al. 2009).
"""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from models.tasks import PADDING, class_sizes

HEADS = (8, 4)
"""How many subsets take of each class what the rarest has, and how many take up to twice as much."""
EVEN = 1.25
"""Largest class over smallest up to which weights by class are as good: five against four."""
COMMON = 0.01
"""Weight of what all examples have in common in how near one is to its class's mean."""
MOST_WORK = 3 * 10**7
"""Examples² × classes of all subsets of a task beyond which heads for them would take seconds."""


def needs_subsets(labels: Tensor, ways: Tensor) -> Tensor:
    """Say of each task [T], from labels [T, S], whether some class has many more examples than another.

    Not of a task so large that weights by class have to do.
    """
    sizes, least = _sizes(labels, ways)
    taken = torch.minimum(sizes, len(HEADS) * least[:, None]).sum(dim=1)
    return (sizes.amax(dim=1) > EVEN * least) & (taken**2 * ways * sum(HEADS) <= MOST_WORK)


def balanced_subsets(features: Tensor, labels: Tensor, ways: Tensor) -> Tensor:
    """Return the labels [T, M, S] of M subsets of each task, PADDING for the examples that a subset leaves out.

    features [T, S, F], labels [T, S]. Which example is in which follows from the features alone: a class's are ordered
    by how near they are to the class's mean, and each subset takes them at even distances, from another first one on.
    As two examples are as near to their mean, what all examples have in common counts a little too.
    """
    sizes, least = _sizes(labels, ways)
    sizes = sizes.gather(1, labels.clamp_min(0)).unsqueeze(1)
    ranks = _ranks(features, labels, int(ways.max())).unsqueeze(1)
    kept = []
    for times, heads in enumerate(HEADS, 1):
        wanted = torch.minimum(sizes, times * least[:, None, None])
        number = torch.arange(heads, device=labels.device).view(1, -1, 1)
        kept.append(_slots(ranks + 1, sizes, heads, wanted, number) > _slots(ranks, sizes, heads, wanted, number))
    chosen = torch.cat(kept, dim=1) & (labels >= 0).unsqueeze(1)
    return torch.where(chosen, labels.unsqueeze(1), PADDING)


def _slots(ranks: Tensor, sizes: Tensor, heads: int, wanted: Tensor, number: Tensor) -> Tensor:
    """Return how many of its slots a subset has filled before these ranks of a class.

    All subsets have heads · wanted slots together, spread evenly over a class's `sizes` examples, and take turns.
    """
    before = -((sizes - 2 * ranks * heads * wanted) // (2 * sizes).clamp_min(1))  # ⌈ranks · slots / sizes − ½⌉
    return (before + heads - 1 - number) // heads


def _ranks(features: Tensor, labels: Tensor, ways: int) -> Tensor:
    """Return each example's place within its class [T, S], from 0 for the one nearest to the class's mean."""
    members = one_hot(labels + 1, ways + 1).to(features.dtype)
    sums = torch.bmm(members.mT, features)
    sums += COMMON * sums[:, 1:].sum(dim=1, keepdim=True)
    nearness = (sums.gather(1, _rows(labels + 1, features)) * features).sum(dim=2)
    order = nearness.argsort(dim=1, descending=True)
    order = order.gather(1, labels.gather(1, order).argsort(dim=1, stable=True))
    grouped = labels.gather(1, order)
    firsts = torch.searchsorted(grouped.contiguous(), grouped.contiguous())
    places = torch.arange(labels.shape[1], device=labels.device) - firsts
    return torch.empty_like(labels).scatter(1, order, places)


def _rows(index: Tensor, features: Tensor) -> Tensor:
    return index.unsqueeze(2).expand(-1, -1, features.shape[2])


def _sizes(labels: Tensor, ways: Tensor) -> tuple[Tensor, Tensor]:
    """Return how many examples each class has [T, N], and the rarest that has any [T]."""
    sizes = class_sizes(labels, int(ways.max()))
    return sizes, sizes.masked_fill(sizes == 0, labels.shape[1] + 1).amin(dim=1)
