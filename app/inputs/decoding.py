"""From the bytes of uploads to the tensor the learner takes. Pillow runs here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """What came of one upload: an example uint8 [C, H, W], and what to say of it; or nothing, and why."""

    upload: Upload
    example: Tensor = NOTHING
    warnings: Sequence[WarnedImage] = ()
    fault: errors.ImageError | None = None


@dataclass(frozen=True)
class Decoder:
    """Decodes uploaded pictures within limits."""

    limits: ImageLimits

    def decode(self, contents: Contents, spec: Input, cancellation: Cancellation) -> tuple[Tensor, list[WarnedImage]]:
        """Return all images as uint8 [B, C, H, W], and what to say of them. Raises ImageError for the first unusable.

        Looks at `cancellation` before each image.
        """
        tensors: list[Tensor] = []
        warnings: list[WarnedImage] = []
        for each in self.each(contents, spec, cancellation):
            if each.fault:
                raise each.fault
            tensors.append(each.example)
            warnings += each.warnings
        return torch.stack(tensors), warnings

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
                decoded = Decoded(upload, fault=fault)
            yield decoded

    def _too_many_together(self, upload: Upload, pixels: int) -> errors.AppError:
        most = self.limits.max_request_pixels
        detail = f"With {upload.place} the images have {pixels} pixels; the limit is {most} for all. Send smaller ones."
        return upload.error(errors.TooManyPixels, detail)
