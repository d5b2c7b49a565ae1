"""Adapted weights in a quarter of their size: what changed since theta, in 127ths of a tensor's largest change."""

import torch

from models.parameters import Parameters

STEPS = 127
CHANGE, SCALE = "change.", "scale."


def pack(parameters: Parameters, theta: Parameters) -> Parameters:
    """Theta's tensors as int8 changes with a scale each, all others in half precision."""
    packed = {name: tensor.half() for name, tensor in parameters.items() if name not in theta}
    for name, start in theta.items():
        change = parameters[name] - start
        scale = change.abs().amax() / STEPS
        packed[CHANGE + name] = (change / scale.clamp_min(torch.finfo(scale.dtype).tiny)).round().to(torch.int8)
        packed[SCALE + name] = scale
    return packed


def unpack(packed: Parameters, theta: Parameters) -> Parameters:
    """The parameters, each weight at most 1/254 of its tensor's largest change from what it was."""
    rest = {name: tensor.float() for name, tensor in packed.items() if not name.startswith((CHANGE, SCALE))}
    return rest | {name: start + packed[CHANGE + name] * packed[SCALE + name] for name, start in theta.items()}
