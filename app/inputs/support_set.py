"""Labelled images, in whatever way a request brings them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from app.api.crops import Box
from app.errors import AppError
from app.store.records import WarnedImage

E = TypeVar("E", bound=AppError)
REPEATED = ("images", "texts", "inputs", "targets", "crop")
"""Fields whose examples are told by their place in them; others by their names."""


@dataclass(frozen=True)
class Upload:
    """One example: its place in its field, its file name, its label or target, and the part of it that is meant."""

    field: str
    index: int
    filename: str
    label: str = ""
    crop: Box | None = None
    target: tuple[float, ...] = ()

    @property
    def place(self) -> str:
        """Which one this is, for people."""
        if self.field not in REPEATED:
            return self.filename
        return f"{self.field}[{self.index}] ({self.filename})" if self.filename else f"{self.field}[{self.index}]"

    @property
    def members(self) -> dict[str, object]:
        """What an error about it names."""
        return {"field": self.field, "index": self.index, "filename": self.filename}

    def error(self, kind: type[E], detail: str) -> E:
        """Return an error about it."""
        return kind(detail, **self.members)

    def warning(self, type: str, detail: str) -> WarnedImage:  # noqa: A002 # as it is answered
        """Return what is to be said of this image, which is taken all the same."""
        return WarnedImage(type=type, index=self.index, filename=self.filename, detail=detail)


@dataclass(frozen=True)
class LeftOut:
    """A file that was not taken, and why; a picture that cannot be used has its place among the pictures."""

    filename: str
    reason: str
    index: int | None = None


Contents: TypeAlias = Iterable[tuple[Upload, bytes]]
"""Each upload with its bytes, read when its turn comes: no request has all its files unpacked at once."""


@dataclass(frozen=True)
class SupportSet:
    """Labelled images, the classes in their order, an archive's files that were left out, and what is to be said."""

    uploads: list[Upload]
    classes: list[str]
    left_out: list[LeftOut] = field(default_factory=list)
    warnings: Sequence[WarnedImage] = ()

    @property
    def skipped(self) -> list[str]:
        """The names of the files that were left out."""
        return [each.filename for each in self.left_out]

    @property
    def labels(self) -> list[int]:
        """The place of each image's label among the classes; 0 where there are none."""
        order = {label: number for number, label in enumerate(self.classes)}
        return [order[upload.label] if order else 0 for upload in self.uploads]

    @property
    def targets(self) -> list[tuple[float, ...]]:
        """The numbers to estimate of each example; none where there are labels."""
        return [] if self.classes else [upload.target for upload in self.uploads]

    @property
    def rarest(self) -> int:
        """How many examples the rarest class has; where there are no classes, how many there are."""
        return min(self.shots.values(), default=len(self.uploads))

    @property
    def shots(self) -> dict[str, int]:
        """How many images each class has."""
        counts = dict.fromkeys(self.classes, 0)
        for upload in self.uploads if counts else ():
            counts[upload.label] += 1
        return counts
