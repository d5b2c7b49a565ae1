"""From the bytes of uploads to the tensor the learner takes. Pillow runs here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from app import errors
from app.inputs.limits import ImageLimits
from app.inputs.pictures import Picture
from app.inputs.support_set import Contents, Upload
from app.store.records import WarnedImage
from app.threads import Cancellation
from models.inputs.interface import Input

NOTHING = torch.empty(0)


@dataclass(frozen=True)
class Decoded:
    """What came of one upload: an example, and what to say of it; or nothing, and why."""

    upload: Upload
    example: Tensor = NOTHING
    warnings: Sequence[WarnedImage] = ()
    fault: errors.ExampleError | None = None


@dataclass(frozen=True)
class Usable:
    """The uploads that can be used, as tensors [B, ...], what to say of them, and the faults of the others."""

    uploads: Sequence[Upload]
    images: Tensor
    warnings: Sequence[WarnedImage]
    faults: Sequence[errors.ExampleError] = ()

    def require_all(self) -> None:
        """Raise the first fault, if there is one; it names the others."""
        if self.faults:
            raise self.faults[0].among(self.faults)


@dataclass(frozen=True)
class Decoder:
    """Decodes uploaded pictures within limits."""

    limits: ImageLimits

    def decode(
        self, contents: Contents, spec: Input, cancellation: Cancellation
    ) -> tuple[Tensor, Sequence[WarnedImage]]:
        """Return all images as uint8 [B, C, H, W], and what to say of them.

        Raises the ImageError of the first that is unusable, which names the others. Looks at `cancellation` before
        each image.
        """
        usable = self.usable(contents, spec, cancellation)
        usable.require_all()
        return usable.images, usable.warnings

    def usable(self, contents: Contents, spec: Input, cancellation: Cancellation) -> Usable:
        """Return the images that can be used, and the faults of the others.

        Raises as `decode` does if none can, and TooManyPixels whether or not one can.
        """
        return usable(self.each(contents, spec, cancellation))

    def each(self, contents: Contents, spec: Input, cancellation: Cancellation) -> Iterator[Decoded]:
        """Yield what comes of each upload, in turn. Raises TooManyPixels.

        Looks at `cancellation` before each image.
        """
        pixels = 0
        for upload, data in contents:
            cancellation.check()
            try:
                picture = Picture.open(upload, data, spec, self.limits)
                pixels += picture.cost
                if pixels > self.limits.max_request_pixels:
                    raise self._too_many_together(upload, pixels)
                decoded = Decoded(upload, *picture.read())
            except errors.TooManyPixels:
                raise
            except errors.ImageError as fault:
                decoded = Decoded(upload, fault=fault.alone())
            yield decoded

    def _too_many_together(self, upload: Upload, pixels: int) -> errors.AppError:
        most = self.limits.max_request_pixels
        detail = f"With {upload.place} the images have {pixels} pixels; the limit is {most} for all. Send smaller ones."
        return upload.error(errors.TooManyPixels, detail)


def usable(decoded: Iterable[Decoded]) -> Usable:
    """Return the examples that can be used, and the faults of the others. Raises the first of these if none can."""
    found = list(decoded)
    faults = [each.fault for each in found if each.fault]
    taken = [each for each in found if not each.fault]
    if not taken:
        raise faults[0].among(faults)
    examples = torch.stack([each.example for each in taken])
    warnings = [warning for each in taken for warning in each.warnings]
    return Usable([each.upload for each in taken], examples, warnings, faults)
