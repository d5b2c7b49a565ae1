"""Documents with a version of their format, and how older ones are brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field
from pydantic_core import from_json

from app.errors import RecordOutdated, RecordTooNew

VERSION = "format_version"

Document: TypeAlias = Mapping[str, Any]
Update: TypeAlias = Callable[[Document], Document]


def from_version_0(document: Document) -> Document:
    """Documents without a version have the fields of version 1."""
    return document


class Part(BaseModel):
    """A part of a record."""

    model_config = ConfigDict(frozen=True)


class Record(Part):
    """A document that says which version of its format it has: the number of its `updates`."""

    kind: ClassVar[str]
    updates: ClassVar[Sequence[Update]] = (from_version_0,)
    """The step at place n makes a document of version n one of version n + 1."""

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def format_version(self) -> int:
        """The version of the document that this record is written as."""
        return len(self.updates)

    @classmethod
    def read(cls, contents: bytes | str) -> Self:
        """Return the record that a document of any version holds.

        Raises ValueError for what is no such document, RecordTooNew, and RecordOutdated if an update is missing.
        """
        document = bring_up_to_date(read_document(contents), cls)
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            missing = [".".join(map(str, each["loc"])) for each in error.errors() if each["type"] == "missing"]
            if not missing:
                raise
            raise _outdated(cls, missing) from error

    def write(self) -> bytes:
        """Return the document."""
        return self.model_dump_json().encode()


def bring_up_to_date(document: Document, record: type[Record]) -> Document:
    """Return a document as this build would have written it. Raises RecordTooNew."""
    if is_newer(document, record):
        detail = (
            f"The {record.kind} was written by a newer server, as version {document[VERSION]} of its record; this "
            f"server reads versions 0 to {len(record.updates)}. It is left as it is. Try again later, when all servers "
            "run the newer release, or tell whoever runs them."
        )
        raise RecordTooNew(detail)
    for update in record.updates[document.get(VERSION, 0) :]:
        document = update(document)
    return document


def is_newer(document: Document, *records: type[Record]) -> bool:
    """Say whether a document has a version that comes after those of all these records."""
    version: int = document.get(VERSION, 0)
    return version > max(len(record.updates) for record in records)


def read_document(contents: bytes | str) -> Document:
    """Return what a document holds. Raises ValueError for what is none."""
    found = from_json(contents)
    if not isinstance(found, dict) or not isinstance(found.get(VERSION, 0), int):
        raise ValueError("it is no document with a version")
    return found


def _outdated(record: type[Record], missing: Sequence[str]) -> RecordOutdated:
    return RecordOutdated(
        f"An older server wrote the {record.kind}, without {', '.join(missing)}, which this one needs. It is left as "
        "it is. Make it anew, or ask whoever runs the server for a release that reads it."
    )
