"""The file of a project: a zip of its pictures and project.json, which says what they are.

The page writes and opens the same files. /adapt and /inspect take one as an archive, by the labels in project.json.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, ValidationError

from kshot.calls import AdaptOptions
from kshot.errors import UnsendableError
from kshot.types import Model, SupportImage

DOCUMENT = "project.json"
FORMAT: Literal[1] = 1
MOST_BYTES = 2**24
"""Of project.json: some hundred thousand pictures."""
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What zipfile raises for files that are damaged, encrypted or compressed in a way that it doesn't know."""
UNSAFE = re.compile(r'[/\\:*?"<>|\x00-\x1f]')
REMEDY = "Give a file that the page saved, or `kshot project save`."


class ProjectPicture(BaseModel):
    """A picture of a project."""

    file: str
    """Its path in the zip."""
    filename: str
    label: str | None = None
    """None for one that is still to be sorted."""
    index: int | None = None
    """Its place among the images of the project's model; None if that doesn't have it."""
    to_sort: str | None = None
    """The path it had in a folder that is being sorted."""


class ProjectSettings(BaseModel):
    """What was chosen for training; None leaves it to the server."""

    steps: int | None = None
    ttl_seconds: int | None = None
    keep_images: bool = True


class Project(BaseModel):
    """What project.json says."""

    format: Literal["kshot project"] = "kshot project"
    format_version: int = Field(default=FORMAT, le=FORMAT)
    name: str = ""
    checkpoint: str
    settings: ProjectSettings = ProjectSettings()
    model_id: str | None = None
    classes: list[str]
    pictures: list[ProjectPicture]

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Return the project in a file. Raises UnsendableError for what is none, or a newer release's."""
        try:
            with zipfile.ZipFile(path) as archive, archive.open(DOCUMENT) as document:
                return cls.model_validate_json(document.read(MOST_BYTES))
        except (KeyError, OSError, ValidationError, *UNREADABLE) as error:
            reason = "it is of a newer release" if "format_version" in str(error) else "it is damaged, or no project"
            raise UnsendableError(f"{path} can't be opened as a project: {reason}. {REMEDY}") from error

    @classmethod
    def of_model(cls, model: Model, images: list[SupportImage]) -> Self:
        """Return a project of a model and its images. Raises UnsendableError for one of texts or vectors."""
        if any(image.text is not None for image in images):
            raise UnsendableError(f"Model {model.id} is of texts or numbers, and a project's file holds pictures.")
        pictures = [
            ProjectPicture(
                file=f"pictures/{place:04}-{UNSAFE.sub('_', image.filename)[-80:]}.webp",
                filename=image.filename,
                label=image.label,
                index=image.index,
            )
            for place, image in enumerate(images, 1)
        ]
        return cls(
            name=model.name or "",
            checkpoint=model.checkpoint.name,
            model_id=model.id,
            classes=model.classes,
            pictures=pictures,
        )

    @property
    def options(self) -> AdaptOptions:
        """What to adapt with."""
        chosen = self.settings
        return {
            "checkpoint": self.checkpoint,
            "name": self.name or None,
            "steps": chosen.steps,
            "ttl_seconds": chosen.ttl_seconds,
            "keep_images": chosen.keep_images,
        }

    def write(self, path: str | Path, contents: Mapping[str, bytes]) -> None:
        """Write the file, with the pictures' `contents` by their paths in it. Raises OSError."""
        with zipfile.ZipFile(path, "w") as archive:  # pictures are compressed already
            archive.writestr(DOCUMENT, self.model_dump_json(indent=1))
            for name, data in contents.items():
                archive.writestr(name, data)
