"""Where tensors live: the one place that knows the names of devices."""

import re

import torch

from models.errors import DeviceError

NAME = re.compile(r"auto|cpu|cuda(:\d+)?")
NAMES = "auto, cpu, cuda or cuda:<index>"


def pick_device(name: str) -> torch.device:
    """Return the device of that name; `auto` is the GPU if there is one. Raises DeviceError where it is missing."""
    if not NAME.fullmatch(name):
        raise DeviceError(f"{name!r} is no device: use {NAMES}.")
    available = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if available else "cpu")
    if name.startswith("cuda") and not available:
        raise DeviceError(f"Device {name} is not there: torch sees no GPU. Use auto or cpu, or a CUDA build of torch.")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise DeviceError(f"Device {name} is not there: torch sees {torch.cuda.device_count()} GPUs, counted from 0.")
    return device
