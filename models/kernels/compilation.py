"""Compile functions by numba, which comes with the extra `fast`. Without it torch's operations take over."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

import torch

try:
    numba: Any = import_module("numba")
except ImportError as error:  # not installed, or at odds with the NumPy that is
    numba, missing = None, str(error)

AVAILABLE = numba is not None
Kernel = Callable[..., None]


def supports(device: torch.device) -> bool:
    """Return whether compiled functions can be used for tensors on this device."""
    return AVAILABLE and device.type == "cpu"


def describe() -> str:
    """Return what compiles, for a server's log."""
    if AVAILABLE:
        return f"numba {numba.__version__}"
    return f"nothing ({missing}): a drawing adapts at little more than half the speed; `pip install numba` mends it"


def compiled(function: Kernel) -> Kernel:
    """Compile the function at its first call, and keep the result on disk for the next process where there is a place.

    Without numba return it unchanged, so that its module can be imported; nothing calls it then.
    """
    if not AVAILABLE:
        return function
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)  # type: ignore[no-any-return]
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(**options)(function)  # type: ignore[no-any-return]
