"""Which examples of a pool to label next: those that would move the head most, far from one another."""

import torch
from torch import Tensor
from torch.nn.functional import normalize, one_hot

COPIES = 0.9
"""From how much on examples of a pool count as near copies (see near_copies): closer than frames of a scene have to be
within a support set, as what is taken for a copy here is not asked about."""


def label_next(probabilities: Tensor, features: Tensor, groups: Tensor, shots: Tensor) -> Tensor:
    """Return the order [Q] in which to label a pool, the example whose label teaches most first.

    Each example stands for the gradient of the head's loss if its most probable label were right, (p − e) ⊗ z, which is
    long where the model is unsure; then the one is taken that is farthest from all that were taken (BADGE, Ash et al.
    2020; farthest-first instead of k-means++, so that the same pool has the same order). So any first few are spread
    over the pool. What may be of a class with few labels counts more, by its mean of 1 / shots [N]: where some classes
    are rare, it's their examples that are missing. Of near copies, a group [Q] each (see near_copies), all but the
    first come last.

    probabilities [Q, N]; features [Q, F], as the head takes them; here at length 1, as long ones are no surer.
    """
    residuals = probabilities - one_hot(probabilities.argmax(dim=1), probabilities.shape[1]).to(probabilities)
    residuals = residuals * (probabilities @ (1 / shots.to(probabilities)))[:, None]
    directions = normalize(features, dim=1)
    products = (residuals @ residuals.T) * (directions @ directions.T)
    lengths = products.diagonal()
    copies = (groups != torch.arange(len(groups), device=groups.device)).to(features.device)
    left = torch.where(copies, -1.0, torch.zeros_like(lengths))  # −1: is not to be taken now
    order: list[Tensor] = []
    distances = lengths
    for _ in range(int((~copies).sum())):
        taken = torch.where(left < 0, left, distances).argmax()
        order.append(taken)
        to_it = lengths + lengths[taken] - 2 * products[taken]
        distances = to_it if len(order) == 1 else torch.minimum(distances, to_it)
        left[taken] = -1
    return torch.cat([torch.stack(order), copies.nonzero().flatten()])
