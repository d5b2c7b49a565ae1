"""The names of what is kept: models by their ids, tenants, records."""

from __future__ import annotations

import re
import secrets
import threading
import time

from app.api.tenant_names import TENANT_NAME

ID = re.compile(r"[0-9a-f]{32}")
RECORD = re.compile(r"[0-9a-f]{64}")


class Instants:
    """Milliseconds of the clock, or one more than the last if it was set back meanwhile."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """Never less than before; from any thread."""
        with self._lock:
            now = time.time_ns() // 10**6
            self._last = now if now >= self._last else self._last + 1
            return self._last


INSTANTS = Instants()


def new_id() -> str:
    """An id that sorts by time of creation (48 bits, milliseconds) and cannot be guessed (80 random bits)."""
    return f"{INSTANTS.next():012x}{secrets.token_hex(10)}"


def check_tenant(tenant: str) -> str:
    """Raises ValueError."""
    if not TENANT_NAME.fullmatch(tenant):
        raise ValueError(f"{tenant!r:.80} is no name of a tenant")
    return tenant


def check_record(name: str) -> str:
    """Raises ValueError."""
    if not RECORD.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of a record: use a SHA-256 in hexadecimal digits")
    return name
