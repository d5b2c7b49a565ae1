"""The names in a store: ids of models, names of tenants and of records."""

from __future__ import annotations

import re
import secrets
import threading
import time

from app.api.tenant_names import TENANT_NAME

ID = re.compile(r"[0-9a-f]{32}")
RECORD = re.compile(r"[0-9a-f]{64}")


class Instants:
    """The clock in milliseconds, which goes on by one each time if it was set back."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        """Return the time in milliseconds, never less than before. For any thread."""
        with self._lock:
            now = time.time_ns() // 10**6
            self._last = now if now >= self._last else self._last + 1
            return self._last


INSTANTS = Instants()


def new_id() -> str:
    """Return an id that sorts by time of creation (48 bits, milliseconds) and cannot be guessed (80 random bits)."""
    return f"{INSTANTS.next():012x}{secrets.token_hex(10)}"


def check_tenant(tenant: str) -> str:
    """Return the name of a tenant. Raises ValueError for what is none."""
    if not TENANT_NAME.fullmatch(tenant):
        raise ValueError(f"{tenant!r:.80} is no name of a tenant")
    return tenant


def check_record(name: str) -> str:
    """Return the name of a record. Raises ValueError for what is none."""
    if not RECORD.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of a record: use a SHA-256 in hexadecimal digits")
    return name
