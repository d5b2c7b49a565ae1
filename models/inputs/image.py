"""Pictures as examples: from a file to the network's input, the same for training and serving."""

import io
import math
from typing import ClassVar, Literal

import numpy as np
import torch
from onnx import TensorProto
from PIL import Image, ImageOps
from pydantic import PositiveInt, field_validator, model_validator
from torch import Tensor

from models.export.graph import Graph
from models.inputs.covering import covered
from models.inputs.ground import centred, laid
from models.inputs.interface import Input
from models.inputs.profiles import MODES, foreign_profile, in_srgb
from models.inputs.tones import eight_bits
from models.parts import register

STEPS = (
    "JPEG: open at a fraction of its size, if both sides stay 2 × size or more (Pillow's draft); 8 × size for ink",
    "greys of more than 8 bits, RGB of 16: by the fewest of 8, 10, 12, 14 and 16 bits that hold the largest",
    "other whole numbers, and floats beyond 0 to 1 and 0 to 255: from the least to the largest",
    "average blocks of n × n pixels, n the largest for which the shorter side stays 2 × size or more; 8 × size for ink",
    "colours by an embedded ICC profile other than sRGB, and Lab: to sRGB",
    "turn upright by the EXIF orientation",
    "lay on white where transparent; on black if less than 5 % of what is opaque is 40 levels darker than white",
    "if `fit` is ink, but not of a picture of size × size: ink differs from the commonest level by 30 % of the most,",
    "take a square around its middle, in which it is 0.66 (s / 0.66)^0.35 long, s its part of the longer side before,",
    "and which has the commonest level where it lies beyond the picture",
    "make square as `fit` says, bilinear: crop takes the middle, pad adds white",
    "pad, whatever `fit` says, if one side is more than twice the other",
)
"""From a file to an example, for those who run an exported model."""
MOST_CROPPED = 2
"""Of a picture with one side longer than so many times the other, a crop would show less than half: it is padded."""
BLANK_DEVIATION = 2.0
"""Levels of 255: what varies by less around its mean shows a network nothing."""
_ORIENTATION = 0x0112
_COLOURS = ("icc_profile", "transparency")
"""What a file says beside its pixels that still holds of a part of them."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""How to turn a picture that has this EXIF orientation."""


@register
class ImageInput(Input):
    """Pictures, prepared as uint8 images [channels, size, size]."""

    media_type: ClassVar[str] = "image/webp"
    type: Literal["image"] = "image"
    channels: Literal[1, 3]
    size: PositiveInt
    mean: float = 0.0
    std: float = 1.0
    fit: Literal["pad", "crop", "ink"] = "pad"
    """How a picture becomes square: with white beside it, its middle alone, or around the ink of a drawing."""

    @field_validator("std")
    @classmethod
    def _divides(cls, std: float) -> float:
        if std == 0:
            raise ValueError("std divides: it cannot be 0")
        return std

    @model_validator(mode="after")
    def _ink_is_grey(self) -> "ImageInput":
        if self.fit == "ink" and self.channels != 1:
            raise ValueError("fit is ink, which is of drawings in one channel")
        return self

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
        picture.draft(None, (self._room, self._room))

    def upright(self, picture: Image.Image) -> Image.Image:
        """See Input."""
        picture.load()
        turn = _turn(picture)
        turned = picture.copy() if turn is None else picture.transpose(turn)
        turned.info = {name: value for name, value in picture.info.items() if name in _COLOURS}
        return turned

    def prepare(self, picture: Image.Image, /) -> Tensor:
        """Return uint8 [C, size, size]: upright, in sRGB, nothing transparent, square and resized, as STEPS say."""
        picture.load()
        turn, profile = _turn(picture), foreign_profile(picture)
        small = _shrunk(_continuous(picture, None if profile else self.mode), self._room)
        small = in_srgb(small, profile) if profile else small
        upright = small if turn is None else small.transpose(turn)
        opaque = laid(upright).convert(self.mode)
        if self.fit == "ink" and picture.size != (self.size, self.size):  # else it is one of ours, as it was kept
            opaque = centred(opaque)
        fitted = self._fitted(opaque, crop=self.fit == "crop" and not self.is_fitted_in(picture.size))
        pixels = np.asarray(fitted, dtype=np.uint8).reshape(self.shape)
        return torch.from_numpy(pixels.transpose(2, 0, 1).copy())

    def is_blank(self, example: Tensor) -> bool:
        """See Input."""
        step = max(self.size // 14, 1)
        pixels: np.ndarray = example.numpy()
        few = pixels[:, ::step, ::step]  # which settle it for all but a few pictures
        if _spread(few) >= 2 * BLANK_DEVIATION * math.sqrt(2 * few[0].size):  # n numbers r apart deviate by r / √(2 n)
            return False
        return _deviation(few) < 2 * BLANK_DEVIATION and _deviation(pixels) < BLANK_DEVIATION

    def covered(self, example: Tensor) -> Tensor:
        """See Input."""
        return covered(example)

    def is_fitted_in(self, size: tuple[int, int]) -> bool:
        """See Input."""
        return self.fit == "crop" and max(size) > MOST_CROPPED * min(size)

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

    @property
    def _room(self) -> int:
        """What the shorter side keeps of its pixels, at least, until the picture is square: ink may be small in it."""
        return (8 if self.fit == "ink" else 2) * self.size

    def _fitted(self, image: Image.Image, *, crop: bool) -> Image.Image:
        square = self.size, self.size
        if crop:
            return ImageOps.fit(image, square, Image.Resampling.BILINEAR)
        return ImageOps.pad(image, square, Image.Resampling.BILINEAR, color="white")


def _spread(pixels: np.ndarray) -> int:
    """Return the levels between the least and the largest of the channel [C, H, W] that varies most."""
    return int((pixels.max((1, 2)) - pixels.min((1, 2))).max())


def _deviation(pixels: np.ndarray) -> float:
    """Return the standard deviation of the channel [C, H, W] that varies most."""
    return float(pixels.std((1, 2)).max())


def _turn(picture: Image.Image) -> Image.Transpose | None:
    """Return how to turn a picture upright, if it says so and can be understood."""
    try:
        return _UPRIGHT.get(picture.getexif().get(_ORIENTATION, 1))
    except Exception:  # of bytes that cameras and editors wrote; the picture is good without them
        return None


def _continuous(image: Image.Image, mode: str | None) -> Image.Image:
    """The picture in a mode whose pixels can be averaged: the one asked for, or RGB with premultiplied alpha.

    Without a mode, its own if that has a profile's colours.
    """
    if image.mode == "F" or image.mode.startswith("I"):
        return eight_bits(image)
    if image.has_transparency_data:
        return image.convert("RGBA").convert("RGBa")
    if mode is None:
        mode = image.mode if image.mode in MODES.values() else "RGB"
    return image.convert(mode)


def _shrunk(image: Image.Image, side: int) -> Image.Image:
    """Averaged down as far as its shorter side stays `side` or more: a large picture is handled large but once."""
    factor = min(image.size) // side
    return image.reduce(factor) if factor > 1 else image
