"""A linear head: its weights' names, its logits and their cross-entropy, for T tasks at once."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from models.parameters import Parameters
from models.tasks import PADDING, TaskBatch, pad_to

HEAD_WEIGHT, HEAD_BIAS = "head.weight", "head.bias"
HEAD = (HEAD_WEIGHT, HEAD_BIAS)
"""Names of a head's weights, [T, N, F] and [T, N] among the parameters of T tasks."""


def logits(parameters: Parameters, features: Tensor) -> Tensor:
    """Return the head's outputs [T, B, N] for features [T, B, F]."""
    return torch.baddbmm(parameters[HEAD_BIAS].unsqueeze(1), features, parameters[HEAD_WEIGHT].transpose(1, 2))


def masked(scores: Tensor, batch: TaskBatch) -> Tensor:
    """Return logits [T, B, N] with −∞ for the classes that a task does not have."""
    absent = batch.absent
    return scores if absent is None else scores.masked_fill(absent, -torch.inf)


def pad_classes(tensors: Parameters, ways: int) -> Parameters:
    """Return a task's tensors with a head that is padded to so many classes."""
    return tensors | {name: pad_to(tensors[name], ways) for name in HEAD}


def trim_classes(tensors: Parameters, ways: int) -> Parameters:
    """Return a task's tensors with the head's first classes, so many."""
    return tensors | {name: tensors[name][:ways] for name in HEAD}


def example_losses(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each example [T, B] from masked logits [T, B, N]; 0 for padding."""
    return cross_entropy(scores.transpose(1, 2), labels, reduction="none", ignore_index=PADDING)


def task_losses(scores: Tensor, batch: TaskBatch) -> Tensor:
    """Return each task's mean cross-entropy [T] from logits [T, B, N], weighed as the batch says."""
    weights, losses = batch.weights, example_losses(masked(scores, batch), batch.labels)
    return losses.mean(dim=1) if weights is None else (losses * weights).sum(dim=1) / weights.sum(dim=1)
