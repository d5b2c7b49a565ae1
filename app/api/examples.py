"""Examples as forms bring them, of any kind, and what a form is."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from fastapi import UploadFile
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema


def _without_null(schema: dict[str, Any]) -> None:
    """Take null out of a form's schema: an optional field is left out, as no text in a form means null."""
    for field in schema["properties"].values():
        match field.get("anyOf"):
            case [kind, {"type": "null"}]:
                del field["anyOf"]
                field |= kind
                field.pop("default", None)


FORM = ConfigDict(extra="forbid", protected_namespaces=(), json_schema_extra=_without_null)


FILE = {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"}
"""What a file is in OpenAPI: by the media type since 3.1; most generators of clients go by the format."""
File: TypeAlias = Annotated[UploadFile, WithJsonSchema(FILE)]


Vector: TypeAlias = Annotated[str, WithJsonSchema({"type": "array", "items": {"type": "number"}})]
"""A list of numbers; as a text of a form `1,2` or `[1,2]`. They are read in a worker thread, not here."""


class Examples(BaseModel):
    """Examples of one kind, as a request may bring them."""

    model_config = FORM

    images: list[File] = Field(
        default=[],
        description="Pictures: JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF or HEIC (the first frame). Repeat the field.",
    )
    texts: list[str] = Field(
        default=[],
        description="Sentences or short texts, for a checkpoint that takes texts, instead of images. Repeat the field.",
        examples=[["Where is my parcel?"]],
    )
    inputs: list[Vector] = Field(
        default=[],
        description="Vectors, for a checkpoint that takes inputs, instead of images: each a list of numbers. In a form "
        "repeat the field, with commas between the numbers.",
        examples=[[[0.5], [1.2]]],
    )
    table: File | None = Field(
        default=None,
        description="A CSV, TSV or JSONL in UTF-8 with the columns `text` and `label`, instead of texts and labels. Of "
        "vectors a CSV or TSV of their numbers, the label or the targets in the last columns, a header or none. To "
        "predict it needs no labels.",
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of example that was sent, as inputs name them: of a table several, any of which it may hold."""
        fields = {"texts": ("texts",), "inputs": ("inputs",), "table": ("texts", "inputs"), "images": ("images",)}
        return next((kinds for field, kinds in fields.items() if getattr(self, field)), ())

    @property
    def told(self) -> tuple[str, ...]:
        """The fields that say something of the examples: labels, targets."""
        return ()


class Uploads(Examples):
    """Labelled examples, or an archive of images."""

    labels: list[str] = Field(
        default=[],
        description="The class of each image or text, in the same order. Repeat the field.",
        examples=[["alpha"]],
    )
    targets: list[Vector] = Field(
        default=[],
        description="The numbers to estimate of each input, in the same order, for a checkpoint that has `targets`.",
        examples=[[[0.48], [0.93]]],
    )
    archive: File | None = Field(
        default=None,
        description="A zip, tar or tar.gz with one folder of images for each class, or with images and a list of "
        "their labels, instead of images and labels.",
    )
    archive_encoding: str | None = Field(
        default=None,
        max_length=40,
        description="The encoding of the archive's names where they aren't in UTF-8 and don't tell.",
        examples=["cp932"],
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """See Examples."""
        return super().kinds or (("images",) if self.archive else ())

    @property
    def told(self) -> tuple[str, ...]:
        """See Examples."""
        return tuple(field for field in ("labels", "targets") if getattr(self, field))
