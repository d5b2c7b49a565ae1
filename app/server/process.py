"""Switches of the whole process. Only `kshot serve` sets them, each for the figure that stands beside it."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import sys

MiB = 2**20
TRIM_SECONDS = 60
SWITCH_INTERVAL_SECONDS = 1e-4

# Read by the libraries when they are loaded, so they have to be there when the process starts.
ENVIRONMENT = {
    # One heap: what is freed in one heap is of no use to threads of another.
    "MALLOC_ARENA_MAX": "1",
    # By default glibc gives a freed megabyte back at once, and the next inner step faults its pages in again.
    "MALLOC_MMAP_THRESHOLD_": str(32 * MiB),
    "MALLOC_TRIM_THRESHOLD_": str(128 * MiB),
    "MALLOC_TOP_PAD_": str(16 * MiB),
    # Idle OpenMP threads otherwise spin, and take the cores from the threads that decode images.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Half as many lines at /metrics: each counter and histogram otherwise has a second series, of when it began.
    "PROMETHEUS_DISABLE_CREATED_SERIES": "true",
}


def restart_with_environment() -> None:
    """Replace this process by the same command with ENVIRONMENT, unless all of it is set already.

    What the user has set stays as it is.
    """
    if not ENVIRONMENT.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**ENVIRONMENT, **os.environ})  # noqa: S606


def shorten_switch_interval() -> None:
    """Let a thread have Python's lock soon, however busy the event loop is."""
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)


def freeze_garbage_collector() -> None:
    """Exempt all that is loaded by now from garbage collection."""
    gc.collect()
    gc.freeze()


def trim_malloc() -> None:
    """Give freed memory back to the system, on glibc."""
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
