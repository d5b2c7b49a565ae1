"""Memory for what comes and goes, which the inner loop frees at each step and wants again, and for what stays."""

import ctypes
import mmap
import platform
from itertools import accumulate

import torch

from models.parameters import Parameters

MiB = 2**20
GLIBC = platform.libc_ver()[0] == "glibc"
# Parameters of mallopt(3).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
ARENAS = 1  # heaps: what is freed in one is of no use to the threads of another
LARGEST_MMAP_THRESHOLD = 32 * MiB
WORTH_PAGES = 128 * 1024  # bytes; from which malloc by default gives a block pages of its own
ALIGNMENT = 64  # of a tensor's first byte, as torch's


def keep_freed_memory() -> None:
    """Has glibc's malloc keep what is freed, for the whole process and in one heap; elsewhere does nothing.

    By default it gives blocks of a megabyte back to the system at once, and the next step faults every page in again.
    Best called while there is but one thread: a heap that a thread has by then stays.
    """
    if GLIBC:
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
        libc.mallopt(M_TRIM_THRESHOLD, 128 * MiB)
        libc.mallopt(M_TOP_PAD, 16 * MiB)
        libc.mallopt(M_ARENA_MAX, ARENAS)


def give_back_freed_memory() -> None:
    """Has it give back what it keeps by now, as malloc_trim(3) does. For now and then: it takes some ms per 100 MB.

    Else a process holds for ever what its busiest moment took.
    """
    if GLIBC:
        ctypes.CDLL(None).malloc_trim(0)


def in_own_pages(parameters: Parameters) -> Parameters:
    """Copies on the CPU that lie together outside malloc's heap, and go back to the system when all are gone.

    For what stays for long: scattered in the heap, between what comes and goes, it keeps that from being joined again,
    and the heap grows. What is small is left where it is.
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
