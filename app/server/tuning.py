"""How the event loop and the threads beside it share Python's one lock."""

from __future__ import annotations

import sys

PATIENCE_SECONDS = 1e-4


def share_lock() -> None:
    """Has a thread get Python's lock soon, however busy the event loop is; for the whole process.

    A thread wants the lock back after every read of a file and every operation of torch. It may demand it once nobody
    let go of it for `sys.getswitchinterval()`, by default 5 ms. But a loop that answers one request after another lets
    go of it for some microseconds at each read and write of a socket, which are over before the thread is awake: by
    default one client that sends nonsense as fast as it can would keep all others waiting for as long as it likes.
    """
    sys.setswitchinterval(PATIENCE_SECONDS)
