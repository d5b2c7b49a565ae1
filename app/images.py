"""From the bytes of an upload to the tensor the learner takes. Pillow runs here, in worker threads."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from app import errors
from app.settings import Settings
from app.uploads import Upload
from models.preprocess import InputSpec, prepare

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")

# Raised, not printed: our own limit of pixels is never above Pillow's.
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Decoder:
    """Opens what users upload, within limits, and nothing that isn't one of FORMATS."""

    settings: Settings

    def decode(self, uploads: list[Upload], spec: InputSpec) -> Tensor:
        """All images as uint8 [B, C, H, W]. Raises ImageError for the first that cannot be used."""
        return torch.stack([self._prepare(upload, spec) for upload in uploads])

    def _prepare(self, upload: Upload, spec: InputSpec) -> Tensor:
        """One image as uint8 [C, H, W]."""
        self._check_bytes(upload)
        image = self._identify(upload)
        width, height = image.size
        if width * height > self.settings.max_image_pixels:
            raise self._too_many_pixels(upload, f"{width}×{height} pixels")
        # JPEG can decode at a fraction of its size; twice what we need keeps the resampling clean.
        image.draft(None, (2 * spec.size, 2 * spec.size))
        try:
            image.load()
            return prepare(image, spec)
        except Exception as error:  # on hostile bytes Pillow raises about any type there is
            detail = f"{upload.place} ends early or is damaged ({error}). Send the whole, intact file."
            raise upload.error(errors.ImageTruncated, detail) from error

    def _check_bytes(self, upload: Upload) -> None:
        size, most = len(upload.data), self.settings.max_image_bytes
        if not size:
            raise upload.error(errors.ImageEmpty, f"{upload.place} has 0 bytes. Send an image file.")
        if size > most:
            detail = f"{upload.place} has {size} bytes; the limit is {most}. Send a smaller version of it."
            raise upload.error(errors.ImageTooManyBytes, detail)

    def _identify(self, upload: Upload) -> Image.Image:
        try:
            return Image.open(io.BytesIO(upload.data), formats=FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise self._too_many_pixels(upload, "far more pixels") from error
        except Exception as error:  # see above
            detail = f"{upload.place} is none of {', '.join(FORMATS)}. Send a picture in one of them."
            raise upload.error(errors.ImageUnreadable, detail) from error

    def _too_many_pixels(self, upload: Upload, found: str) -> errors.AppError:
        most = self.settings.max_image_pixels
        detail = f"{upload.place} has {found}; the limit is {most} pixels. Send a smaller version of it."
        return upload.error(errors.ImageTooManyPixels, detail)
