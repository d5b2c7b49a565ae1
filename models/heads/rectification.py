"""Classify a task's queries together: what they look like moves the classes.

A soft form of BD-CSPN's prototype rectification (Liu et al. 2020): queries that look like a class, weighed by how sure
of it the head is, add a prototype to it, and the prototypes are compared as they differ from the queries' mean. Nothing
is presumed of the classes' shares: real batches are uneven (Veilleux et al. 2021, on whose mixes it was chosen).
"""

import torch
from torch import Tensor

from models.tasks import PADDING, TaskBatch

ROUNDS = 10
SHARPNESS = 2.0
"""By which logits are multiplied to tell which queries look like a class."""
PRIOR = 12.0
"""Queries of a class that count as much as what the head knew of it."""
STRENGTH = 25.0
"""Of a prototype's inner product with a feature of length 1, among logits."""


def rectified(scores: Tensor, features: Tensor, batch: TaskBatch) -> Tensor:
    """Return logits [T, Q, N] of queries seen together, from masked ones of each alone and features [T, Q, F].

    They are as sure as those alone, for the same temperature. A single query's stay as they are.
    """
    present = (batch.labels != PADDING).to(features.dtype).unsqueeze(2)
    count = present.sum(dim=1, keepdim=True)
    centred = (features - (features * present).sum(dim=1, keepdim=True) / count) * present
    together = scores
    for _ in range(ROUNDS):
        likely = (SHARPNESS * together).softmax(dim=2) * present
        prototypes = torch.bmm(likely.mT, centred) / (likely.sum(dim=1).unsqueeze(2) + PRIOR)
        together = scores + STRENGTH * torch.bmm(centred, prototypes.mT)
    return together / (1 + (count - 1) / (count - 1 + PRIOR))
