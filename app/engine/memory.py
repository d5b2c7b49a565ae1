"""How each library says that it ran out of memory."""

from __future__ import annotations

import torch

# torch on a CPU, torch on a GPU, ONNX Runtime: these errors have no class of their own.
SIGNS = ("not enough memory", "out of memory", "DefaultCPUAllocator", "Failed to allocate memory", "bad_alloc")


def is_exhausted(error: Exception) -> bool:
    """Return whether something failed because the device or the machine ran out of memory."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in SIGNS)


def release() -> None:
    """Give back the GPU memory that torch keeps for later; do nothing without a GPU."""
    torch.cuda.empty_cache()
