"""API keys: a file of what they may do, and of each secret its hash alone."""

from __future__ import annotations

import hmac
import re
import secrets
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from app.errors import KeysUnavailable
from app.store.directory.files import locked, revision_of
from app.store.ids import TENANT
from models.atomic_file import replace_file

TOKEN = re.compile(r"kshot_([0-9a-f]{12})_([0-9a-f]{64})", re.ASCII)
log = structlog.stdlib.get_logger("kshot.keys")


class Key(BaseModel):
    """What is known of a key; limits that are null are the server's."""

    id: str
    tenant: str = Field(pattern=f"^{TENANT.pattern}$")
    digest: str
    created_at: datetime
    metrics: bool = False
    max_models: int | None = Field(None, ge=0)
    max_bytes: int | None = Field(None, ge=0)
    requests_per_minute: int | None = Field(None, ge=1)


KEYS = TypeAdapter(list[Key])


class KeyFile:
    """Read anew when it changes, so that a server refuses a revoked key at once. Raises KeysUnavailable."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._revision = ""
        self._keys: list[Key] = []

    def read(self) -> list[Key]:
        """All keys, in the order they were made."""
        try:
            if (revision := revision_of(self.path)) != self._revision:
                self._keys, self._revision = KEYS.validate_json(self.path.read_bytes()), revision
        except (OSError, ValidationError) as error:
            log.error("the keys cannot be read", path=str(self.path), error=str(error))
            raise KeysUnavailable(
                f"The file of API keys ({self.path.name}) is missing or damaged. "
                "Whoever runs the server makes one with `kshot keys add`, or sets KSHOT_KEYS."
            ) from error
        return self._keys

    def find(self, token: str) -> Key | None:
        """The key of this text, if there is one. The id in it is no secret; the rest is compared in constant time."""
        if not (parts := TOKEN.fullmatch(token)):
            return None
        named = (key for key in self.read() if key.id == parts[1])
        return next((key for key in named if hmac.compare_digest(key.digest, _digest(token))), None)

    def add(self, tenant: str, **allowed: int | bool | None) -> tuple[Key, str]:
        """A new key, and its text, which is kept nowhere. Raises pydantic.ValidationError too."""
        key_id = secrets.token_hex(6)
        token = f"kshot_{key_id}_{secrets.token_hex(32)}"
        made = {"id": key_id, "tenant": tenant, "digest": _digest(token), "created_at": datetime.now(UTC), **allowed}
        key = Key.model_validate(made)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path.parent):
            self._write([*(self.read() if self.path.exists() else []), key])
        return key, token

    def revoke(self, key_id: str) -> bool:
        """Whether there was such a key."""
        with locked(self.path.parent):
            keys = self.read()
            left = [key for key in keys if key.id != key_id]
            self._write(left)
        return len(left) < len(keys)

    def _write(self, keys: list[Key]) -> None:
        replace_file(self.path, KEYS.dump_json(keys, indent=1, exclude_defaults=True), mode=0o600)


def _digest(token: str) -> str:
    """Unsalted and quick: a key is 256 random bits, which nobody can try out."""
    return sha256(token.encode()).hexdigest()
