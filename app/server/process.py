"""Switches of the whole process. Only `kshot serve` and `bulk` set them, each for the figure that stands beside it."""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import sys
import warnings

MiB = 2**20
TRIM_SECONDS = 60
SWITCH_INTERVAL_SECONDS = 1e-4

# Libraries read these when they are loaded, so they have to be there when the process starts. The figures are of two
# cores of an AMD EPYC, by `python -m benchmarks.process` where nothing else is said.
ENVIRONMENT = {
    # One heap: what is freed in one is of no use to the threads of another. Over 20,000 adaptations and 50,000
    # predictions (benchmarks.soak) one heap grew by 6 MB, two by 20 and sixteen by 42.
    "MALLOC_ARENA_MAX": "1",
    # By default glibc gives a freed megabyte back at once, and the next inner step faults its pages in again: 23,000
    # page faults in ten adaptations to drawings, 15 with these.
    "MALLOC_MMAP_THRESHOLD_": str(32 * MiB),
    "MALLOC_TRIM_THRESHOLD_": str(128 * MiB),
    "MALLOC_TOP_PAD_": str(16 * MiB),
    # Idle OpenMP threads otherwise spin, and take the cores from the threads that decode images: 200 matrix products
    # with pauses between them take 3.0 s of the cores' time, 1.5 s with this.
    "OMP_WAIT_POLICY": "PASSIVE",
    # Each counter and histogram otherwise has a second series, of when it began: /metrics begins with 83 lines, with
    # this with 59.
    "PROMETHEUS_DISABLE_CREATED_SERIES": "true",
    # ONNX Runtime otherwise makes an id for this machine and counts its use, in two files of the home folder.
    "ORT_DISABLE_TELEMETRY": "1",
}


def restart_with_environment() -> None:
    """Replace this process by the same command with ENVIRONMENT, unless all of it is set already.

    What the user has set stays as it is.
    """
    if not ENVIRONMENT.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**ENVIRONMENT, **os.environ})  # noqa: S606


def shorten_switch_interval() -> None:
    """Let a thread have Python's lock soon, however busy the event loop is.

    A thread may demand the lock once nobody has let go of it for this interval, by default 5 ms. A busy loop lets go of
    it at each read and write of a socket, for less time than a thread takes to wake up. With the default, one client
    that sent requests as fast as it could kept all others waiting for as long as it liked (benchmarks.flood).
    """
    sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)


def quiet_pillow() -> None:
    """Leave Pillow's warnings of odd files unsaid: Python remembers each text for ever, and who uploads writes them."""
    warnings.filterwarnings("ignore", module="PIL")


def freeze_garbage_collector() -> None:
    """Exempt all that is loaded by now from garbage collection: to look through it stops every thread for 140 ms."""
    gc.collect()
    gc.freeze()


def trim_malloc() -> None:
    """Give freed memory back to the system, on glibc.

    Over 20,000 adaptations and 50,000 predictions (benchmarks.soak) memory grows by 2.4 ± 7.8 MB with it once a minute,
    by 13.0 ± 4.5 MB without.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
