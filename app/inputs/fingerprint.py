"""How a request that comes again is recognized."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from pydantic import BaseModel
from starlette.datastructures import UploadFile

from app.threads import Cancellation


def fingerprint(form: BaseModel, cancellation: Cancellation) -> str:
    """Return a SHA-256 of a form's fields, its files and their names; looks at `cancellation` before each file."""

    def values(field: object) -> Iterator[object]:
        for each in field if isinstance(field, list) else [field]:
            cancellation.check()
            yield _file(each) if isinstance(each, UploadFile) else each

    # Fields that are as if not sent don't count: a newer server, which knows one more, finds the request the same.
    defaults = {name: field.default for name, field in type(form).model_fields.items()}
    return digest(*((name, *values(value)) for name, value in form if value not in (None, [], defaults[name])))


def digest(*parts: object) -> str:
    """Return a SHA-256 of what JSON can write."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _file(upload: UploadFile) -> tuple[str | None, str]:
    found = hashlib.file_digest(upload.file, "sha256").hexdigest()  # type: ignore[arg-type] # BinaryIO has readinto
    upload.file.seek(0)
    return upload.filename, found
