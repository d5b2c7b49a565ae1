"""The examples of a model as they are kept: what the network saw of each, without loss, to adapt to again.

A zip of WEBP files, or of texts, and one JSON document. For 25 photos it takes 1.0 MB (their pixels take 3.8 MB, PNG
1.5 MB), and packing takes 4 ms a photo. Only the names of the uploaded files are kept, and nothing else, such as where
a photo was taken.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePosixPath
from typing import BinaryIO
from zipfile import BadZipFile, ZipFile

import torch
from torch import Tensor

from app.api.forms import Choices
from app.errors import ModelDamaged
from app.inputs.support_set import SupportSet, Upload
from app.store.records import AdaptationChoices, ModelRecord, SupportRecord
from app.threads import Cancellation
from kshot.types import SupportImage
from models.inputs.interface import Input

DOCUMENT = "support.json"
MEDIA_TYPE = "image/webp"


@dataclass(frozen=True)
class Kept:
    """A model's labelled examples as tensors [B, ...], and the choices it was made by."""

    support: SupportSet
    images: Tensor
    choices: Choices


def pack(support: SupportSet, images: Tensor, choices: Choices, spec: Input, cancellation: Cancellation) -> bytes:
    """Return the file of a model's examples, tensors [B, ...]; look at `cancellation` before each."""
    record = SupportRecord(
        filenames=[upload.filename for upload in support.uploads],
        labels=support.labels,
        targets=[list(target) for target in support.targets],
        choices=AdaptationChoices.model_validate(choices.model_dump()),
    )
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as archive:
        archive.writestr(DOCUMENT, record.write())
        for index, image in enumerate(images):
            cancellation.check()
            archive.writestr(f"{index}{spec.suffix}", spec.keep(image))
    return buffer.getvalue()


def unpack(file: BinaryIO, model: ModelRecord, spec: Input, cancellation: Cancellation) -> Kept:
    """Return what was packed, with the names that the classes have now; look at `cancellation` before each image.

    Close the file, as do the two functions below. Raises ModelDamaged, as they do.
    """
    with _opened(file, model) as archive:
        record = _record(archive)
        tensors = []
        for index in range(len(record.filenames)):
            cancellation.check()
            tensors.append(spec.restore(archive.read(f"{index}{spec.suffix}")))
        choices = Choices.model_validate(record.choices.model_dump())
    uploads = [
        Upload(spec.field, image.index, image.filename, image.label, target=tuple(image.target or ()))
        for image in _images(record, model)
    ]
    return Kept(SupportSet(uploads, model.classes, []), torch.stack(tensors), choices)


def listed(file: BinaryIO, model: ModelRecord, spec: Input | None) -> list[SupportImage]:
    """Return a list of the examples; `spec`, if it is there, says what is to be read of them."""
    with _opened(file, model) as archive:
        images = _images(_record(archive), model)
        if spec is None or not spec.readable:
            return images
        texts = [archive.read(f"{image.index}{spec.suffix}").decode() for image in images]
    return [image.model_copy(update={"text": text}) for image, text in zip(images, texts, strict=True)]


def picture(file: BinaryIO, model: ModelRecord, index: int) -> bytes | None:
    """Return one of the examples as a file, or None if there is none of this index."""
    with _opened(file, model) as archive:
        found = [name for name in archive.namelist() if PurePosixPath(name).stem == str(index)]
        return archive.read(found[0]) if found else None


@contextmanager
def _opened(file: BinaryIO, model: ModelRecord) -> Iterator[ZipFile]:
    try:
        with file, ZipFile(file) as archive:
            yield archive
    except (BadZipFile, KeyError, OSError, ValueError) as error:
        detail = f"The images of model {model.id} cannot be read. Send all of them to /adapt again."
        raise ModelDamaged(detail, field="model_id") from error


def _record(archive: ZipFile) -> SupportRecord:
    return SupportRecord.read(archive.read(DOCUMENT))


def _images(record: SupportRecord, model: ModelRecord) -> list[SupportImage]:
    """Return the images as answers show them, with the names that the model's classes have now."""
    names = [model.classes[label] if model.classes else "" for label in record.labels]
    told = zip_longest(record.filenames, names, record.targets)  # none where there are labels
    return [
        SupportImage(index=index, filename=filename, label=label, target=target)
        for index, (filename, label, target) in enumerate(told)
    ]
