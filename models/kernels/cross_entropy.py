"""The loss and its gradient in one pass over the logits."""

from typing import Any

import numpy as np

from models.kernels.compilation import compiled


@compiled
def cross_entropy(scores: Any, labels: Any, ways: Any, shares: Any, losses: Any, gradient: Any) -> None:
    """Write each task's mean cross-entropy [T] and its gradient [T, B, N], from logits [T, B, N] and labels [T, B].

    `shares` [T, B] are the images' weights in the mean. Images whose label is negative count for nothing, and so do the
    classes of a task from its `ways` [T] on.
    """
    tasks, batch, _ = scores.shape
    for t in range(tasks):
        losses[t] = 0
        for b in range(batch):
            label, share, score, result = labels[t, b], shares[t, b], scores[t, b, : ways[t]], gradient[t, b]
            result[:] = 0
            if label < 0:
                continue
            highest, total = score.max(), scores.dtype.type(0)
            for n in range(len(score)):
                result[n] = np.exp(score[n] - highest)
                total += result[n]
            losses[t] += (np.log(total) + highest - score[label]) * share
            for n in range(len(score)):
                result[n] *= share / total
            result[label] -= share
