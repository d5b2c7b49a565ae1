"""The tokens of shares: each names its share, and proves by a secret that its holder was given it."""

from __future__ import annotations

import hmac
import re
import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from app.api.tenant_names import TENANT_NAME

PREFIX = "kshot_share_"
TOKEN = re.compile(
    rf"{PREFIX}([0-9a-f]{{32}})_([0-9a-f]{{12}})_([0-9a-f]{{64}})(?:_({TENANT_NAME.pattern}))?", re.ASCII
)


@dataclass(frozen=True)
class ShareToken:
    """A token by its parts. Its model's owner is among them: a store finds models by their owner's name alone."""

    model_id: str
    share_id: str
    secret: str
    tenant: str

    @classmethod
    def new(cls, tenant: str, model_id: str) -> Self:
        """Return a token for a model of the tenant, which nobody can guess."""
        return cls(model_id, secrets.token_hex(6), secrets.token_hex(32), tenant)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the token that this text is, or None."""
        parts = TOKEN.fullmatch(text)
        return cls(parts[1], parts[2], parts[3], parts[4] or "") if parts else None

    @property
    def text(self) -> str:
        """The token as it is sent."""
        owner = f"_{self.tenant}" if self.tenant else ""
        return f"{PREFIX}{self.model_id}_{self.share_id}_{self.secret}{owner}"

    @property
    def digest(self) -> str:
        """The SHA-256 of the token, which alone is kept. Its 256 random bits need no salt and no slow hash."""
        return sha256(self.text.encode()).hexdigest()

    def has(self, digest: str) -> bool:
        """Say, in constant time, whether this is the token of a digest."""
        return hmac.compare_digest(self.digest, digest)
