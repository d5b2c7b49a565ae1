"""Pictures as forms bring them: files with labels, or an archive."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from fastapi import UploadFile
from torch import Tensor

from app import errors
from app.api.examples import Uploads
from app.api.forms import InspectForm, PredictForm, RankForm
from app.inputs import image_files
from app.inputs.archives.reader import ArchiveReader
from app.inputs.decoding import Decoder, Usable
from app.inputs.inspection import Inspected, inspected
from app.inputs.kinds.interface import Wanted
from app.inputs.limits import ImageLimits, SetLimits
from app.inputs.support_set import SupportSet
from app.settings import Settings
from app.threads import Cancellation
from models.inputs.interface import Input

# A picture this small is decoded before a thread would have begun to, however it is made.
QUICK_BYTES, QUICK_PIXELS = 2 * 1024, 128 * 128


class PictureSets:
    """See ExampleSets. Pictures unfold to many times their files' size; what is kept is of the network's."""

    def __init__(self, image_limits: ImageLimits, set_limits: SetLimits, archives: ArchiveReader) -> None:
        self._limits = set_limits
        self._archives = archives
        self._decoder = Decoder(image_limits)
        quick_pixels = min(QUICK_PIXELS, image_limits.max_request_pixels)
        self._quick = Decoder(replace(image_limits, max_request_pixels=quick_pixels))

    @classmethod
    def of(cls, settings: Settings) -> PictureSets:
        """Return what the settings describe."""
        return cls(ImageLimits.of(settings), SetLimits.of(settings), ArchiveReader.of(settings))

    def support(
        self, form: Uploads, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        """Return the labelled images of a form, and as uint8 [B, C, H, W]."""
        _check_uploads(form)
        if form.archive:
            return self._unpack(form.archive, form.archive_encoding, spec, wanted.least_classes, cancellation)
        support = image_files.support_set(form.images, form.labels, self._limits, wanted.least_classes)
        contents = image_files.contents(form.images, support.uploads)
        images, warnings = self._decoder.decode(contents, spec, cancellation)
        return replace(support, warnings=warnings), images

    def queries(self, form: PredictForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Usable:
        """See ExampleSets. Raises for too many pixels together, whatever the form says of errors."""
        files, read = image_files.parts(form.images, form.crop, self._limits)
        return self._decoder.usable(image_files.contents(files, read), spec, cancellation)

    def at_once(self, form: PredictForm, spec: Input, wanted: Wanted) -> Usable | None:
        """See ExampleSets: a single small picture."""
        files, read = image_files.parts(form.images, form.crop, self._limits)
        if len(files) == 1 and (files[0].size or 0) <= QUICK_BYTES:
            with suppress(errors.TooManyPixels):
                return self._quick.usable(list(image_files.contents(files, read)), spec, Cancellation())
        return None

    def pool(
        self, form: RankForm, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[Usable, SupportSet]:
        """See ExampleSets."""
        _check_uploads(form)
        if form.archive:
            name = image_files.filename(form.archive)
            pool, contents = self._archives.pool(form.archive.file.read(), name, form.archive_encoding)
        else:
            pool = SupportSet(image_files.queries(form.images, self._limits), [])
            contents = image_files.contents(form.images, pool.uploads)
        return self._decoder.usable(contents, spec, cancellation), pool

    def inspect(self, form: InspectForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Inspected:
        """See ExampleSets."""
        _check_uploads(form)
        if form.archive:
            name = image_files.filename(form.archive)
            support, contents = self._archives.read(form.archive.file.read(), name, 1, form.archive_encoding)
        else:
            if form.labels:
                support = image_files.support_set(form.images, form.labels, self._limits, 1)
            else:
                support = SupportSet(image_files.queries(form.images, self._limits), [])
            contents = image_files.contents(form.images, support.uploads)
        return inspected(support, self._decoder.each(contents, spec, cancellation), spec if form.pictures else None)

    def _unpack(
        self, file: UploadFile, encoding: str | None, spec: Input, least_classes: int, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        name = image_files.filename(file)
        support, contents = self._archives.read(file.file.read(), name, least_classes, encoding)
        images, warnings = self._decoder.decode(contents, spec, cancellation)
        return replace(support, warnings=[*support.warnings, *warnings]), images


def _check_uploads(form: Uploads | RankForm) -> None:
    """Raise ImagesMissing, UploadAmbiguous for images beside an archive, ArchiveEncoding for an encoding without."""
    if form.archive is None and form.archive_encoding is not None:
        detail = "archive_encoding is for an archive, and none was sent. Leave it out."
        raise errors.ArchiveEncoding(detail, field="archive_encoding")
    if form.archive is None and not form.images:
        detail = "Send pictures in the field 'images' with a label for each in 'labels', or a zip or tar in 'archive'."
        raise errors.ImagesMissing(detail, field="images")
    labels = form.labels if isinstance(form, Uploads) else ()
    if form.archive and (form.images or labels):
        raise errors.UploadAmbiguous("Send either an archive, or images and labels.", field="archive")
