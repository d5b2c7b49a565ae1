"""API keys: a file that says what each may do, and holds only a hash of its secret."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.api.tenant_names import TENANT_NAME
from app.errors import KeysUnavailable
from models.atomic_file import locked, replace_file, revision_of

TOKEN = re.compile(r"kshot_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)
FORMAT = 1  # of a key in the file; those made before there were formats have the same fields
log = structlog.stdlib.get_logger("kshot.keys")


class Key(BaseModel):
    """What the file says of a key. Limits that are null are the server's."""

    id: str
    tenant: str = Field(pattern=f"^{TENANT_NAME.pattern}$")
    digest: str
    created_at: datetime
    metrics: bool = False
    max_models: int | None = Field(None, ge=0)
    max_bytes: int | None = Field(None, ge=0)
    requests_per_minute: int | None = Field(None, ge=1)
    format_version: int = FORMAT


KEYS = TypeAdapter(list[Key])


class KeyFile:
    """The file of keys, read again when it changes, so that a running server refuses a revoked key at once.

    All methods may raise KeysUnavailable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._revision = ""
        self._keys: list[Key] = []

    def read(self) -> list[Key]:
        """Return all keys, in the order they were made."""
        try:
            if (revision := revision_of(self.path)) != self._revision:
                self._keys, self._revision = self._parse(self.path.read_bytes()), revision
        except (OSError, ValidationError) as error:
            log.error("the keys cannot be read", path=str(self.path), error=str(error))
            raise KeysUnavailable(
                f"The file of API keys ({self.path.name}) is missing or damaged. "
                "Whoever runs the server makes one with `kshot keys add`, or sets KSHOT_KEYS."
            ) from error
        return self._keys

    def find(self, token: str) -> Key | None:
        """Return the key of this token, or None. Its id is no secret; the rest is compared in constant time."""
        if not (parts := TOKEN.fullmatch(token)):
            return None
        named = (key for key in self.read() if key.id == parts[1])
        return next((key for key in named if hmac.compare_digest(key.digest, _digest(token))), None)

    def of(self, tenant: str) -> Key | None:
        """Return the tenant's first key that is for more than metrics, or None if they have none any more."""
        return next((key for key in self.read() if key.tenant == tenant and not key.metrics), None)

    def add(self, tenant: str, **allowed: int | bool | None) -> tuple[Key, str]:
        """Return a new key and its token, which is kept nowhere. May also raise pydantic.ValidationError."""
        key_id = secrets.token_hex(6)
        token = f"kshot_{key_id}_{secrets.token_hex(32)}"
        made = {"id": key_id, "tenant": tenant, "digest": _digest(token), "created_at": datetime.now(UTC), **allowed}
        key = Key.model_validate(made)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.parent):
            self._write([*(self.read() if self.path.exists() else []), key])
        return key, token

    def revoke(self, key_id: str) -> bool:
        """Remove a key. Return whether there was one of this id."""
        with locked(self.path.parent):
            keys = self.read()
            left = [key for key in keys if key.id != key_id]
            self._write(left)
        return len(left) < len(keys)

    def _parse(self, contents: bytes) -> list[Key]:
        keys = KEYS.validate_json(contents)
        if newer := [key.id for key in keys if key.format_version > FORMAT]:
            raise KeysUnavailable(
                f"The file of API keys ({self.path.name}) has keys that a newer release made: {', '.join(newer)}. "
                "Whoever runs the server upgrades it, or revokes these keys with the newer release."
            )
        return keys

    def _write(self, keys: list[Key]) -> None:
        replace_file(self.path, KEYS.dump_json(keys, indent=1, exclude_none=True), mode=0o600)


def _digest(token: str) -> str:
    """Return the SHA-256 of a token. A salt or a slow hash would add nothing: it has 256 random bits."""
    return sha256(token.encode()).hexdigest()
