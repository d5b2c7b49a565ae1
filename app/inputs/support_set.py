"""Labelled images, in whatever way a request brings them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from app.errors import AppError


@dataclass(frozen=True)
class Upload:
    """One image: its place in its field, its file name, and its label if it has one."""

    field: str
    index: int
    filename: str
    label: str = ""

    @property
    def place(self) -> str:
        """Which image this is, for people."""
        return f"{self.field}[{self.index}] ({self.filename})" if self.field == "images" else self.filename

    def error(self, kind: type[AppError], detail: str) -> AppError:
        """Return an error about this image."""
        return kind(detail, field=self.field, index=self.index, filename=self.filename)


Contents: TypeAlias = Iterable[tuple[Upload, bytes]]
"""Each upload with its bytes, read when its turn comes: no request has all its files unpacked at once."""


@dataclass(frozen=True)
class SupportSet:
    """Labelled images, the classes in their order, and the names of an archive's files that were left out."""

    uploads: list[Upload]
    classes: list[str]
    skipped: list[str]

    @property
    def labels(self) -> list[int]:
        """The place of each image's label among the classes."""
        order = {label: number for number, label in enumerate(self.classes)}
        return [order[upload.label] for upload in self.uploads]

    @property
    def shots(self) -> dict[str, int]:
        """How many images each class has."""
        counts = dict.fromkeys(self.classes, 0)
        for upload in self.uploads:
            counts[upload.label] += 1
        return counts
