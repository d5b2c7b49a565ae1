"""Pages of their own for models that stay in memory."""

from __future__ import annotations

import mmap
from itertools import accumulate

import torch

from models.parameters import Parameters

WORTH_PAGES = 128 * 1024  # bytes; from which malloc gives a block pages of its own by default
ALIGNMENT = 64  # bytes, of a tensor's start, as torch's own


def in_own_pages(parameters: Parameters) -> Parameters:
    """Return copies on the CPU that lie together outside malloc's heap. The pages go back when the last tensor goes.

    Models stay for long. In the heap they would lie scattered between what comes and goes, which could then not be
    joined again, and the heap would grow. What is smaller than WORTH_PAGES in all is returned as it is.
    """
    sizes = [-(-tensor.nbytes // ALIGNMENT) * ALIGNMENT for tensor in parameters.values()]
    if sum(sizes) < WORTH_PAGES:
        return parameters
    pages = mmap.mmap(-1, sum(sizes), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    copies = {}
    for (name, tensor), start in zip(parameters.items(), accumulate(sizes, initial=0), strict=False):
        copy = torch.frombuffer(pages, dtype=tensor.dtype, count=tensor.numel(), offset=start)
        copies[name] = copy.view(tensor.shape).copy_(tensor)
    return copies
