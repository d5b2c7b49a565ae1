"""Arithmetic on named tensors: the theta, phi and v of the papers.

Names are dotted (`conv1.weight`). Stacked parameters carry a leading task dimension T.
"""

from collections.abc import Sequence
from typing import TypeAlias

import torch
from torch import Tensor

Parameters: TypeAlias = dict[str, Tensor]


def stack(parameters: Parameters, tasks: int) -> Parameters:
    """Copy every tensor for each task: [...] → [T, ...]."""
    return {name: tensor.expand(tasks, *tensor.shape).clone() for name, tensor in parameters.items()}


def gather(parameters: Sequence[Parameters]) -> Parameters:
    """Stack T sets of parameters, which must have the same names and shapes; one set's are not copied."""
    if len(parameters) == 1:
        return {name: tensor.unsqueeze(0) for name, tensor in parameters[0].items()}
    return {name: torch.stack([task[name] for task in parameters]) for name in parameters[0]}


def unstack(parameters: Parameters) -> list[Parameters]:
    """Return each task's parameters of a stacked set; they share its memory."""
    return [dict(zip(parameters, own, strict=True)) for own in zip(*parameters.values(), strict=True)]


def owned(parameters: Parameters) -> Parameters:
    """Return the same tensors, but copies of those on a CPU that are parts of larger ones, which may go then.

    What is on a GPU is soon fetched, and to copy each tensor there would take longer than all else.
    """
    return {name: tensor.clone() if _is_part(tensor) else tensor for name, tensor in parameters.items()}


def _is_part(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.untyped_storage().nbytes() > tensor.nbytes


def move(parameters: Parameters, target: torch.device | torch.dtype) -> Parameters:
    """Return the same tensors on another device or in another precision."""
    return {name: tensor.to(target) for name, tensor in parameters.items()}


def prefixed(prefix: str, parameters: Parameters) -> Parameters:
    """Return the same tensors, their names after a prefix."""
    return {prefix + name: tensor for name, tensor in parameters.items()}


def under(prefix: str, parameters: Parameters) -> Parameters:
    """Return the tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): tensor for name, tensor in parameters.items() if name.startswith(prefix)}
