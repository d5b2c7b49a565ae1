"""From a form's files to tensors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from fastapi import UploadFile
from torch import Tensor

from app import errors
from app.api.forms import Choices, InspectForm, PredictForm, SupportForm, Uploads
from app.inputs import image_files, support_archive
from app.inputs.archives.reader import ArchiveReader
from app.inputs.decoding import Decoder, Usable
from app.inputs.fingerprint import fingerprint
from app.inputs.inspection import Inspected, inspected
from app.inputs.limits import LEAST_CLASSES, ImageLimits, SetLimits
from app.inputs.support_archive import Kept
from app.inputs.support_set import SupportSet, Upload
from app.settings import Settings
from app.store.records import ModelRecord
from app.threads import Cancellation, Workers
from models.inputs.interface import Input

# A picture this small is decoded before a thread would have begun to, however it is made.
QUICK_BYTES, QUICK_PIXELS = 2 * 1024, 128 * 128


class Reader:
    """Reads, unpacks and decodes in worker threads, one request a thread; only a single small picture at once.

    Pictures unfold to many times the size of their files; what is kept of them is a tensor of the network's size.
    """

    def __init__(self, image_limits: ImageLimits, set_limits: SetLimits, archives: ArchiveReader, threads: int) -> None:
        self.limits = set_limits
        self._archives = archives
        self._workers = Workers(threads, "decode")
        self._decoder = Decoder(image_limits)
        quick_pixels = min(QUICK_PIXELS, image_limits.max_request_pixels)
        self._quick = Decoder(replace(image_limits, max_request_pixels=quick_pixels))

    @classmethod
    def of(cls, settings: Settings) -> Reader:
        """Return the reader that the settings describe."""
        archives = ArchiveReader.of(settings)
        return cls(ImageLimits.of(settings), SetLimits.of(settings), archives, settings.decode_threads)

    async def support(
        self, form: SupportForm, spec: Input, least_classes: int = LEAST_CLASSES
    ) -> tuple[SupportSet, Tensor]:
        """Return the labelled images of a form, and as uint8 [B, C, H, W]. Raises AppError."""
        _check_uploads(form)
        if form.archive is None:
            support = image_files.support_set(form.images, form.labels, self.limits, least_classes)
            read = await self._decode(form.images, support.uploads, spec)
            read.require_all()
            return replace(support, warnings=read.warnings), read.images
        with Cancellation() as cancellation:
            return await self._workers.run(
                self._unpack, form.archive, form.archive_encoding, spec, least_classes, cancellation
            )

    async def inspect(self, form: InspectForm, spec: Input) -> Inspected:
        """Return what a form holds, and its pictures as this input has them if it asks for them. Raises AppError."""
        _check_uploads(form)
        with Cancellation() as cancellation:
            return await self._workers.run(self._inspect, form, spec, cancellation)

    async def queries(self, form: PredictForm, spec: Input) -> Usable:
        """Return the images to classify. Raises AppError.

        With on_error=skip not for an image's own fault while one can be used, but for too many pixels together.
        """
        usable = await self._decode(*image_files.parts(form.images, form.crop, self.limits), spec)
        if form.on_error == "fail":
            usable.require_all()
        return usable

    async def pack(self, support: SupportSet, images: Tensor, choices: Choices, spec: Input) -> bytes:
        """Return the images as they are kept."""
        with Cancellation() as cancellation:
            return await self._workers.run(support_archive.pack, support, images, choices, spec, cancellation)

    async def unpack(self, file: BinaryIO, model: ModelRecord, spec: Input) -> Kept:
        """Return a model's kept images. Raises ModelDamaged."""
        with Cancellation() as cancellation:
            return await self._workers.run(support_archive.unpack, file, model, spec, cancellation)

    async def fingerprint(self, form: SupportForm) -> str:
        """Return what tells the same form from others."""
        with Cancellation() as cancellation:
            return await self._workers.run(fingerprint, form, cancellation)

    def close(self) -> None:
        """End the threads; blocks."""
        self._workers.close()

    async def _decode(self, files: Sequence[UploadFile], read: Sequence[Upload], spec: Input) -> Usable:
        contents = image_files.contents(files, read)
        if len(files) == 1 and (files[0].size or 0) <= QUICK_BYTES:
            contents = list(contents)
            with suppress(errors.TooManyPixels):
                return self._quick.usable(contents, spec, Cancellation())
        with Cancellation() as cancellation:
            return await self._workers.run(self._decoder.usable, contents, spec, cancellation)

    def _unpack(
        self, file: UploadFile, encoding: str | None, spec: Input, least_classes: int, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        name = image_files.filename(file)
        support, contents = self._archives.read(file.file.read(), name, least_classes, encoding)
        images, warnings = self._decoder.decode(contents, spec, cancellation)
        return replace(support, warnings=[*support.warnings, *warnings]), images

    def _inspect(self, form: InspectForm, spec: Input, cancellation: Cancellation) -> Inspected:
        if form.archive:
            name = image_files.filename(form.archive)
            support, contents = self._archives.read(form.archive.file.read(), name, 1, form.archive_encoding)
        else:
            if form.labels:
                support = image_files.support_set(form.images, form.labels, self.limits, 1)
            else:
                support = SupportSet(image_files.queries(form.images, self.limits), [])
            contents = image_files.contents(form.images, support.uploads)
        return inspected(support, self._decoder.each(contents, spec, cancellation), spec if form.pictures else None)


def _check_uploads(form: Uploads) -> None:
    """Raise ImagesMissing, UploadAmbiguous for images beside an archive, ArchiveEncoding for an encoding without."""
    if form.archive is None and form.archive_encoding is not None:
        detail = "archive_encoding is for an archive, and none was sent. Leave it out."
        raise errors.ArchiveEncoding(detail, field="archive_encoding")
    if form.archive is None and not form.images:
        detail = "Send pictures in the field 'images' with a label for each in 'labels', or a zip or tar in 'archive'."
        raise errors.ImagesMissing(detail, field="images")
    if form.archive and (form.images or form.labels):
        raise errors.UploadAmbiguous("Send either an archive, or images and labels.", field="archive")
