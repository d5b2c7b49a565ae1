"""Adapted weights in few bits: what changed since theta in 8, the rows of a new head in 8, what may be coarse in 4."""

from collections.abc import Collection

import torch
from torch import Tensor

from models.parameters import Parameters

STEPS = 127  # of an int8, to either side
LEVELS = 15  # of half a byte, from 0
HALF_BYTE = 16
CHANGE, ROWS, PAIRS, SCALE = "change.", "rows.", "pairs.", "scale."


def pack(parameters: Parameters, theta: Parameters, coarse: Collection[str] = ()) -> Parameters:
    """Pack theta's tensors as int8 changes with a scale each, matrices as int8 with a scale a row, others as float16.

    `coarse` names matrices of an even width and no negative numbers, two of which go into a byte.
    """
    packed: Parameters = {}
    for name, tensor in parameters.items():
        if name in theta:
            change = tensor - theta[name]
            packed |= _scaled(CHANGE, name, change, change.abs().amax() / STEPS)
        elif name in coarse:
            whole = _scaled(PAIRS, name, tensor, tensor.amax(dim=1, keepdim=True) / LEVELS)
            packed |= whole | {PAIRS + name: _paired(whole[PAIRS + name].to(torch.uint8))}
        elif tensor.dim() == 2:
            packed |= _scaled(ROWS, name, tensor, tensor.abs().amax(dim=1, keepdim=True) / STEPS)
        else:
            packed[name] = tensor.half()
    return packed


def unpack(packed: Parameters, theta: Parameters) -> Parameters:
    """Return the parameters, each number at most half a step of its scale from what it was."""
    parameters: Parameters = {}
    for key, tensor in packed.items():
        name = key.partition(".")[2]
        if key.startswith(CHANGE):
            parameters[name] = (tensor * packed[SCALE + name]).add_(theta[name])
        elif key.startswith((ROWS, PAIRS)):
            whole = _unpaired(tensor) if key.startswith(PAIRS) else tensor
            parameters[name] = whole * packed[SCALE + name]
        elif not key.startswith(SCALE):
            parameters[key] = tensor.float()
    return parameters


def _scaled(kind: str, name: str, tensor: Tensor, scale: Tensor) -> Parameters:
    """Whole numbers of `scale`, and it."""
    whole = (tensor / scale.clamp_min(torch.finfo(scale.dtype).tiny)).round()
    return {kind + name: whole.to(torch.int8), SCALE + name: scale}


def _paired(whole: Tensor) -> Tensor:
    """Numbers from 0 to 15 [R, 2·W], two in a byte: [R, W]."""
    return whole[:, ::2] * HALF_BYTE + whole[:, 1::2]


def _unpaired(pairs: Tensor) -> Tensor:
    return torch.stack([pairs // HALF_BYTE, pairs % HALF_BYTE], dim=2).flatten(start_dim=1)
