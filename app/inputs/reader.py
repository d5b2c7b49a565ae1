"""From a form's files to tensors."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from fastapi import UploadFile
from torch import Tensor

from app import errors
from app.api.forms import Choices, SupportForm
from app.inputs import support_archive, support_set
from app.inputs.archives import ArchiveReader
from app.inputs.decoding import Decoder
from app.inputs.limits import ImageLimits
from app.inputs.support_archive import Kept
from app.inputs.support_set import LEAST_CLASSES, SupportSet, Upload
from app.service.idempotency import fingerprint
from app.settings import Settings
from app.store.records import ModelRecord
from app.threads import Cancellation, Workers
from models.inputs.interface import Input

# A picture that is decoded before a thread would have begun to: so small that none, however it is made, takes long.
QUICK_BYTES, QUICK_PIXELS = 2 * 1024, 128 * 128


class Reader:
    """Reads, unpacks and decodes in worker threads, one request a thread; a small picture alone at once.

    Pictures unfold to many times their files' size; what is kept of them is a tensor of the network's size.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._workers = Workers(settings.decode_threads, "decode")
        limits = ImageLimits.of(settings)
        self._decoder = Decoder(limits)
        self._quick = Decoder(replace(limits, max_request_pixels=min(QUICK_PIXELS, limits.max_request_pixels)))
        self._archives = ArchiveReader(settings)

    async def support(
        self, form: SupportForm, spec: Input, least_classes: int = LEAST_CLASSES
    ) -> tuple[SupportSet, Tensor]:
        """The labelled images of a form, and as uint8 [B, C, H, W]. Raises AppError."""
        if form.archive is None:
            support = support_set.support_set(form.images, form.labels, self.settings, least_classes)
            return support, await self._decode(form.images, support.uploads, spec)
        if form.images or form.labels:
            detail = "Send either an archive, or images and labels."
            raise errors.UploadAmbiguous(detail, field="archive")
        with Cancellation() as cancellation:
            return await self._workers.run(self._unpack, form.archive, spec, least_classes, cancellation)

    async def queries(self, files: Sequence[UploadFile], spec: Input) -> tuple[list[Upload], Tensor]:
        """The images to classify, and as uint8 [B, C, H, W]. Raises AppError."""
        queries = support_set.images(files, self.settings)
        return queries, await self._decode(files, queries, spec)

    async def pack(self, support: SupportSet, images: Tensor, choices: Choices, spec: Input) -> bytes:
        """The images as they are kept."""
        with Cancellation() as cancellation:
            return await self._workers.run(support_archive.pack, support, images, choices, spec, cancellation)

    async def unpack(self, file: BinaryIO, model: ModelRecord, spec: Input) -> Kept:
        """A model's kept images."""
        with Cancellation() as cancellation:
            return await self._workers.run(support_archive.unpack, file, model, spec, cancellation)

    async def fingerprint(self, form: SupportForm) -> str:
        """By which the same form is known again."""
        with Cancellation() as cancellation:
            return await self._workers.run(fingerprint, form, cancellation)

    def close(self) -> None:
        """Ends the threads. Blocks."""
        self._workers.close()

    async def _decode(self, files: Sequence[UploadFile], read: Sequence[Upload], spec: Input) -> Tensor:
        contents = support_set.contents(files, read)
        if len(files) == 1 and (files[0].size or 0) <= QUICK_BYTES:
            contents = list(contents)
            with suppress(errors.TooManyPixels):
                return self._quick.decode(contents, spec, Cancellation())
        with Cancellation() as cancellation:
            return await self._workers.run(self._decoder.decode, contents, spec, cancellation)

    def _unpack(
        self, file: UploadFile, spec: Input, least_classes: int, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        support, contents = self._archives.read(file.file.read(), support_set.filename(file), least_classes)
        return support, self._decoder.decode(contents, spec, cancellation)
