"""From the bytes of an upload to the tensor the learner takes. Pillow runs here."""

from __future__ import annotations

import io
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from app import errors
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Contents, Upload
from app.threads import Cancellation
from models.inputs.interface import Input

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")


@dataclass(frozen=True)
class Decoder:
    """Decodes uploaded pictures of FORMATS, and no others, within limits."""

    limits: ImageLimits

    def decode(self, contents: Contents, spec: Input, cancellation: Cancellation) -> Tensor:
        """Return all images as uint8 [B, C, H, W]. Raises ImageError for the first that cannot be used.

        Looks at `cancellation` before each image.
        """
        pixels = 0
        tensors: list[Tensor] = []
        for upload, data in contents:
            cancellation.check()
            image = self._open(upload, data)
            pixels += image.width * image.height
            if pixels > self.limits.max_request_pixels:
                raise self._too_many_together(upload, pixels)
            tensors.append(_load(upload, image, spec))
        return torch.stack(tensors)

    def _open(self, upload: Upload, data: bytes) -> Image.Image:
        """Return the picture with its pixels not decoded yet."""
        self._check_bytes(upload, data)
        image = self._identify(upload, data)
        if image.width * image.height > self.limits.max_image_pixels:
            raise self._too_many_pixels(upload, f"{image.width}×{image.height} pixels")
        return image

    def _check_bytes(self, upload: Upload, data: bytes) -> None:
        if not data:
            raise upload.error(errors.ImageEmpty, f"{upload.place} has 0 bytes. Send an image file.")
        if len(data) > self.limits.max_image_bytes:
            most = f"more than {self.limits.max_image_bytes} bytes, the limit"
            raise upload.error(errors.ImageTooManyBytes, f"{upload.place} has {most}. Send a smaller version of it.")

    def _identify(self, upload: Upload, data: bytes) -> Image.Image:
        try:
            return Image.open(io.BytesIO(data), formats=FORMATS)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise self._too_many_pixels(upload, "far more pixels") from error
        except Exception as error:  # see _load
            detail = f"{upload.place} is none of {', '.join(FORMATS)}. Send a picture in one of them."
            raise upload.error(errors.ImageUnreadable, detail) from error

    def _too_many_pixels(self, upload: Upload, found: str) -> errors.AppError:
        most = self.limits.max_image_pixels
        detail = f"{upload.place} has {found}; the limit is {most} pixels. Send a smaller version of it."
        return upload.error(errors.ImageTooManyPixels, detail)

    def _too_many_together(self, upload: Upload, pixels: int) -> errors.AppError:
        most = self.limits.max_request_pixels
        detail = f"With {upload.place} the images have {pixels} pixels; the limit is {most} for all. Send smaller ones."
        return upload.error(errors.TooManyPixels, detail)


def _load(upload: Upload, image: Image.Image, spec: Input) -> Tensor:
    """Return one image as uint8 [C, H, W]. Raises ImageTruncated."""
    spec.draft(image)
    try:
        image.load()
        return spec.prepare(image)
    except Exception as error:  # on hostile bytes Pillow raises about any type there is
        detail = f"{upload.place} ends early or is damaged ({error}). Send the whole, intact file."
        raise upload.error(errors.ImageTruncated, detail) from error
