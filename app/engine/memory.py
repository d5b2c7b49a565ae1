"""Running out of memory, in the words of each library that may."""

from __future__ import annotations

import torch

# torch on a CPU, torch on a GPU, ONNX Runtime: errors of no class of their own.
SIGNS = ("not enough memory", "out of memory", "DefaultCPUAllocator", "Failed to allocate memory", "bad_alloc")


def is_exhausted(error: Exception) -> bool:
    """Whether it is for want of memory, the device's or the machine's, that something failed."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def release() -> None:
    """Gives back what torch keeps of a GPU for later; does nothing without one."""
    torch.cuda.empty_cache()
