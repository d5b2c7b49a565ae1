"""The keys of the objects in a bucket.

models/<all ids backwards>.safetensors      newest first, as a bucket lists by name
images/<id>/<token>                         a model's file names its token
records/<name>
expiring/<milliseconds>/<tenant or ->/<id or name of a record>      marks: what a sweep looks at, and when
tenants/<tenant>/models/…                   and so on: a tenant's own
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from app.store.failures import not_found
from app.store.ids import ID, check_record, check_tenant
from app.store.model_file import SUFFIX

MARKS = "expiring/"
NOBODY = "-"
NEWEST_FIRST = str.maketrans("0123456789abcdef", "fedcba9876543210")


@dataclass(frozen=True)
class Mark:
    """Has a sweep look at a model or a record of a tenant, at a time in seconds since 1970."""

    due: float
    tenant: str
    name: str

    @property
    def key(self) -> str:
        """The key of its object, which sorts by time."""
        return f"{MARKS}{int(self.due * 1e3):012x}/{self.tenant or NOBODY}/{self.name}"

    @classmethod
    def of_key(cls, key: str) -> Self:
        """Return the mark of this key. Raises ValueError if it is none."""
        milliseconds, tenant, name = key.removeprefix(MARKS).split("/")
        return cls(int(milliseconds, 16) / 1e3, "" if tenant == NOBODY else check_tenant(tenant), name)


class Layout:
    """The keys of a tenant's objects."""

    def __init__(self, tenant: str = "") -> None:
        self.tenant = tenant and check_tenant(tenant)
        base = f"tenants/{tenant}/" if tenant else ""
        self.models, self.images, self.records = f"{base}models/", f"{base}images/", f"{base}records/"

    def model(self, model_id: str) -> str:
        """Return the key of a model's file. Raises ModelNotFound for what is no id."""
        if not ID.fullmatch(model_id):
            raise not_found(model_id)
        return f"{self.models}{model_id.translate(NEWEST_FIRST)}{SUFFIX}"

    def images_of(self, model_id: str, token: str = "") -> str:
        """Return the key of a model's images, or without a token the prefix of all keys that these may have."""
        return f"{self.images}{model_id}/{token}"

    def record(self, name: str) -> str:
        """Return the key of a record. Raises ValueError for what is no name of one."""
        return self.records + check_record(name)

    def mark(self, name: str, due: float) -> Mark:
        """Return the mark that has a sweep look at a model or a record then."""
        return Mark(due, self.tenant, name)


def id_of(key: str) -> str | None:
    """Return the id of the model whose file has this key, if it is one."""
    model_id = key.rpartition("/")[2].removesuffix(SUFFIX).translate(NEWEST_FIRST)
    return model_id if ID.fullmatch(model_id) else None
