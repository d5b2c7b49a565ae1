"""Memory that the inner loop frees at each step and wants again at the next."""

import ctypes
import platform

MiB = 2**20
# Parameters of mallopt(3).
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -2, -3, -8
ARENAS = 1  # heaps: what is freed in one is of no use to the threads of another
LARGEST_MMAP_THRESHOLD = 32 * MiB


def keep_freed_memory() -> None:
    """Has glibc's malloc keep what is freed, for the whole process and in one heap; elsewhere does nothing.

    By default it gives blocks of a megabyte back to the system at once, and the next step faults every page in again.
    Best called while there is but one thread: a heap that a thread has by then stays.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(M_MMAP_THRESHOLD, LARGEST_MMAP_THRESHOLD)
    libc.mallopt(M_TRIM_THRESHOLD, 128 * MiB)
    libc.mallopt(M_TOP_PAD, 16 * MiB)
    libc.mallopt(M_ARENA_MAX, ARENAS)
