"""From a picture to the network's input, the same for training and serving."""

from typing import Literal

import numpy as np
import torch
from PIL import Image, ImageOps
from pydantic import BaseModel, ConfigDict, PositiveInt, field_validator
from torch import Tensor

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})


class InputSpec(BaseModel):
    """What the network sees: images of `channels` × `size` × `size`, as uint8 until they are encoded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Literal[1, 3]
    size: PositiveInt
    mean: float = 0.0
    std: float = 1.0
    fit: Literal["pad", "crop"] = "pad"
    """What becomes of a picture that isn't square: white beside it, or its middle alone."""

    @field_validator("std")
    @classmethod
    def _divides(cls, std: float) -> float:
        if std == 0:
            raise ValueError("std divides: it cannot be 0")
        return std

    @property
    def mode(self) -> str:
        """Pillow's name for the colour mode."""
        return "L" if self.channels == 1 else "RGB"

    @property
    def shape(self) -> tuple[int, int, int]:
        """An image as the network takes it: H, W, C."""
        return self.size, self.size, self.channels

    def normalize(self, images: Tensor) -> Tensor:
        """uint8 [..., C, H, W] → float32 [..., H, W, C]: (x / 255 − mean) / std."""
        return images.movedim(-3, -1).to(torch.float32).div_(255).sub_(self.mean).div_(self.std).contiguous()


def prepare(image: Image.Image, spec: InputSpec) -> Tensor:
    """uint8 [C, size, size]: upright by its EXIF orientation, on white where transparent, made square and resized."""
    upright = ImageOps.exif_transpose(_shrunk(_continuous(image, spec), 2 * spec.size))
    flat = _on_white(upright).convert(spec.mode)
    fitted = _fitted(flat, spec)
    pixels = np.asarray(fitted, dtype=np.uint8).reshape(spec.size, spec.size, spec.channels)
    return torch.from_numpy(pixels.transpose(2, 0, 1).copy())


def _fitted(image: Image.Image, spec: InputSpec) -> Image.Image:
    square = spec.size, spec.size
    if spec.fit == "crop":
        return ImageOps.fit(image, square, Image.Resampling.BILINEAR)
    return ImageOps.pad(image, square, Image.Resampling.BILINEAR, color="white")


def _continuous(image: Image.Image, spec: InputSpec) -> Image.Image:
    """The picture in a mode whose pixels can be averaged: the spec's, or RGB with premultiplied alpha."""
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGBa")
    return image.convert(spec.mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit greys, which Pillow's own conversion clips at 255, with what is known of them."""
    grey = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    grey.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return grey


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """Averaged down as far as its shorter side stays `side` or more: a large picture is handled large but once."""
    factor = min(image.size) // side
    return image.reduce(factor) if factor > 1 else image


def _on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBa":
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
