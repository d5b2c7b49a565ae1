"""One picture, from the bytes of an upload to the tensor that the learner takes, and what is to be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from PIL import Image
from torch import Tensor

from app import errors
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Upload
from app.store.records import WarnedImage
from models.inputs.formats import FORMATS, looks_foreign, looks_like_picture, stated_size
from models.inputs.interface import Input
from models.inputs.picture_file import Draft, PictureFile, PictureNotRead

LEAST_SHARE = 0.5  # of a picture's rows, for it to be taken without the rest
KINDS = f"{', '.join(FORMATS[:-1])} or {FORMATS[-1]}"


@dataclass(frozen=True)
class Picture:
    """An upload that has been opened, for an input; its pixels are still to be decoded."""

    upload: Upload
    file: PictureFile
    spec: Input

    @classmethod
    def open(cls, upload: Upload, data: bytes, spec: Input, limits: ImageLimits) -> Self:
        """Open the file of an upload. Raises ImageError."""
        _check_bytes(upload, data, limits)
        if looks_like_picture(data) is None:
            raise upload.error(errors.ImageUnreadable, f"{upload.place} is {_what_it_is(data)}")
        draft = None if upload.crop else spec.draft  # of a part all pixels count
        picture = cls(upload, _opened(upload, data, draft), spec)
        if picture.cost > limits.max_image_pixels:
            raise picture.too_large(limits)
        return picture

    @property
    def cost(self) -> int:
        """The pixels that decoding it costs."""
        return self.file.cost

    def read(self) -> tuple[Tensor, list[WarnedImage]]:
        """Return the example uint8 [C, H, W], and what to say of it. Raises ImageTruncated or CropOutside."""
        try:
            image, share = self.file.load()
        except Exception as error:  # on hostile bytes Pillow raises about any type there is
            raise _damaged(self.upload, self.file.data, error) from error
        if share is not None and share < LEAST_SHARE:
            came = f"only {share:.0%} of its rows came"
            detail = f"{self.upload.place} ends early or is damaged: {came}. Send the whole, intact file."
            raise self.upload.error(errors.ImageTruncated, detail)
        try:
            part = self._cut(image)
            example = self.spec.prepare(part)
        except errors.CropOutside:
            raise
        except Exception as error:
            raise _damaged(self.upload, self.file.data, error) from error
        size = part.size if self.upload.crop else self.file.size
        return example, [self.upload.warning(kind, detail) for kind, detail in self._remarks(size, share, example)]

    def too_large(self, limits: ImageLimits) -> errors.AppError:
        """Return the refusal of a picture that costs more than one may."""
        width, height = self.file.size
        detail = (
            f"{self.upload.place} has {width}×{height} pixels, and costs {self.cost} to decode; the limit is "
            f"{limits.max_image_pixels} pixels. Send a smaller version of it."
        )
        return self.upload.error(errors.ImageTooManyPixels, detail)

    def _cut(self, image: Image.Image) -> Image.Image:
        """Return the part of the picture that is meant. Raises CropOutside."""
        if self.upload.crop is None:
            return image
        upright = self.spec.upright(image)
        place = self.upload.crop.within(upright.size)
        if place is None:
            asked = ",".join(f"{number:g}" for number in self.upload.crop)
            detail = f"{self.upload.place} is {upright.width}×{upright.height}; nothing of its crop {asked} is in it."
            raise self.upload.error(errors.CropOutside, f"{detail} Send x,y,width,height in its pixels.")
        return upright.crop(place)

    def _remarks(self, size: tuple[int, int], share: float | None, example: Tensor) -> Iterator[tuple[str, str]]:
        place = self.upload.place
        if share is not None:
            came = f"{share:.0%} of its rows came, and were used" if share < 1 else "it was read as far as it goes"
            yield "truncated", f"{place} ends early or is damaged: {came}. Send the whole file."
        if self.spec.is_blank(example):
            yield (
                "blank",
                f"{place} is the same all over to the network. Leave it out, or send one that shows something.",
            )
        if self.spec.is_fitted_in(size):
            yield "fitted", f"{place} is {size[0]}×{size[1]}: it was shrunk to be seen whole. Cut it to what matters."


def _check_bytes(upload: Upload, data: bytes, limits: ImageLimits) -> None:
    if not data:
        raise upload.error(errors.ImageEmpty, f"{upload.place} has 0 bytes. Send an image file.")
    if len(data) > limits.max_image_bytes:
        most = f"more than {limits.max_image_bytes} bytes, the limit"
        raise upload.error(errors.ImageTooManyBytes, f"{upload.place} has {most}. Send a smaller version of it.")


def _opened(upload: Upload, data: bytes, draft: Draft | None) -> PictureFile:
    try:
        return PictureFile.open(data, draft)
    except PictureNotRead as error:
        raise upload.error(errors.ImageUnreadable, f"{upload.place} is {error}.") from error
    except Exception as error:  # see Picture.read
        raise _damaged(upload, data, error) from error


def _what_it_is(data: bytes) -> str:
    foreign = looks_foreign(data)
    if foreign is None:
        return f"no picture of a format that is read here. Send a picture as {KINDS}."
    return f"{foreign}, which is not read here. Export it as JPEG or PNG and send that."


def _damaged(upload: Upload, data: bytes, error: Exception) -> errors.AppError:
    kind, size = looks_like_picture(data), stated_size(data) or 0
    if kind == "HEIC":
        detail = (
            f"{upload.place} is a HEIC picture, as iPhones make them, whose file ends early or is damaged. Often only "
            "its beginning has left the cloud: open it on the phone, then send it whole, or send it as JPEG."
        )
    elif size > len(data):
        detail = f"{upload.place} is cut short: {len(data)} of {size} bytes or more came. Send the whole file."
    else:
        found = f"ends early, is damaged, or is of a variety of {kind} that is not read here ({error})"
        detail = f"{upload.place} {found}. Send the whole, intact file, or save it anew as JPEG or PNG and send that."
    return upload.error(errors.ImageTruncated, detail)
