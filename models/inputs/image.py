"""Pictures as examples: from a file to the network's input, the same for training and serving."""

import io
from typing import ClassVar, Literal

import numpy as np
import torch
from onnx import TensorProto
from PIL import Image, ImageOps
from pydantic import PositiveInt, field_validator
from torch import Tensor

from models.export.graph import Graph
from models.inputs.interface import Input
from models.parts import register

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"})
STEPS = (
    "JPEG: open at a fraction of its size, if both sides stay 2 × size or more (Pillow's draft)",
    "average blocks of n × n pixels, n the largest whole number for which the shorter side stays 2 × size or more",
    "turn upright by the EXIF orientation",
    "lay on white where transparent",
    "make square as `fit` says, bilinear: crop takes the middle, pad adds white",
)
"""From a file to an example, for those who run an exported model."""


@register
class ImageInput(Input):
    """Pictures, prepared as uint8 images [channels, size, size]."""

    media_type: ClassVar[str] = "image/webp"
    type: Literal["image"] = "image"
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
    def example(self) -> tuple[int, int, int]:
        """C, H, W."""
        return self.channels, self.size, self.size

    @property
    def shape(self) -> tuple[int, int, int]:
        """H, W, C."""
        return self.size, self.size, self.channels

    def draft(self, picture: Image.Image) -> None:
        """Let a JPEG decode at a fraction of its size; twice what we need keeps the resampling clean."""
        picture.draft(None, (2 * self.size, 2 * self.size))

    def prepare(self, picture: Image.Image) -> Tensor:
        """Return uint8 [C, size, size]: upright by EXIF, on white where transparent, made square and resized."""
        upright = ImageOps.exif_transpose(_shrunk(_continuous(picture, self.mode), 2 * self.size))
        fitted = self._fitted(_on_white(upright).convert(self.mode))
        pixels = np.asarray(fitted, dtype=np.uint8).reshape(self.shape)
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())

    def normalize(self, examples: Tensor) -> Tensor:
        """Return (x / 255 − mean) / std of uint8 [..., C, H, W] as float32 [..., H, W, C]."""
        return examples.movedim(-3, -1).to(torch.float32).div_(255).sub_(self.mean).div_(self.std).contiguous()

    def keep(self, example: Tensor) -> bytes:
        """Return a lossless WEBP file: of 25 photos 1.0 MB, where their pixels take 3.8 MB and PNG 1.5 MB."""
        pixels: np.ndarray = example.permute(1, 2, 0).numpy()
        buffer = io.BytesIO()
        # More effort makes it a tenth smaller and takes twice the time.
        Image.fromarray(pixels.squeeze(2) if self.channels == 1 else pixels).save(
            buffer, "WEBP", lossless=True, quality=0, method=0
        )
        return buffer.getvalue()

    def restore(self, data: bytes) -> Tensor:
        """Return uint8 [C, size, size] of such a file."""
        pixels = np.array(Image.open(io.BytesIO(data), formats=["WEBP"]).convert(self.mode))
        return torch.from_numpy(pixels).view(self.shape).permute(2, 0, 1)

    def describe(self) -> dict[str, object]:
        """Say how a picture becomes the input `images`."""
        return {
            "size": self.size,
            "mode": self.mode,
            "fit": self.fit,
            "layout": "NCHW",
            "type": "uint8",
            "steps": STEPS,
        }

    def add_to(self, graph: Graph, examples: str) -> str:
        """See Input."""
        x = graph.add("Cast", examples, to=TensorProto.FLOAT)
        x = graph.add("Mul", x, graph.number("input.scale", 1 / (255 * self.std)))
        x = graph.add("Add", x, graph.number("input.shift", -self.mean / self.std))
        return graph.add("Transpose", x, perm=[0, 2, 3, 1])

    def _fitted(self, image: Image.Image) -> Image.Image:
        square = self.size, self.size
        if self.fit == "crop":
            return ImageOps.fit(image, square, Image.Resampling.BILINEAR)
        return ImageOps.pad(image, square, Image.Resampling.BILINEAR, color="white")


def _continuous(image: Image.Image, mode: str) -> Image.Image:
    """The picture in a mode whose pixels can be averaged: the one asked for, or RGB with premultiplied alpha."""
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGBa")
    return image.convert(mode)


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
