"""The names of what is kept: models by their ids, tenants, records."""

from __future__ import annotations

import re
import secrets
import time

ID = re.compile(r"[0-9a-f]{32}")
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
RECORD = re.compile(r"[0-9a-f]{64}")


def new_id() -> str:
    """An id that sorts by time of creation (48 bits, milliseconds) and cannot be guessed (80 random bits)."""
    return f"{time.time_ns() // 10**6:012x}{secrets.token_hex(10)}"


def check_tenant(tenant: str) -> str:
    """Raises ValueError."""
    if not TENANT.fullmatch(tenant):
        raise ValueError(f"{tenant!r:.80} is no name of a tenant")
    return tenant


def check_record(name: str) -> str:
    """Raises ValueError."""
    if not RECORD.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no name of a record: use a SHA-256 in hexadecimal digits")
    return name
