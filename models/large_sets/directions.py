"""The directions in which examples differ most, by which a head of many classes is solved several times as fast."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from models.large_sets.array_file import ArrayFile

ROUNDS = 2
BESIDE = 64  # directions that are sought beyond those that are kept, so that the last of these are good too


class Directions(NamedTuple):
    """Orthonormal directions Q [F, D], the mean squares of the examples' coordinates in them [D], and in all."""

    q: Tensor
    variances: Tensor
    total: float


def principal_directions(features: ArrayFile, weights: Tensor, most: int) -> Directions:
    """Return the `most` directions that hold most of the weighted second moment C of features [S, F].

    `weights` [S] add up to 1; 0 leaves an example out. By subspace iteration from random directions (Halko et al.
    2011), which are always the same ones: to find all of C's would take minutes.
    """
    second = _second_moment(features, weights)
    size = len(second)
    start = torch.randn(size, min(size, most + BESIDE), generator=torch.Generator().manual_seed(0))
    q = torch.linalg.qr(second @ start).Q
    for _ in range(ROUNDS):
        q = torch.linalg.qr(second @ q).Q
    values, vectors = torch.linalg.eigh(q.T @ second @ q)
    kept = slice(0, min(size, most))
    return Directions(q @ vectors.flip(1)[:, kept], values.flip(0)[kept].clamp_min(0), float(second.trace()))


def coordinates(features: ArrayFile, directions: Directions) -> Tensor:
    """Return the coordinates Z [S, D] of all examples in these directions."""
    found = torch.empty(features.rows, directions.q.shape[1])
    for places, block in features.blocks():
        torch.mm(block, directions.q, out=found[places])
    return found


def _second_moment(features: ArrayFile, weights: Tensor) -> Tensor:
    """Return C = Σ weight · x xᵀ [F, F]."""
    (size,) = features.shape
    second = torch.zeros(size, size)
    for places, block in features.blocks():
        second.addmm_(block.T * weights[places], block)
    return second
