"""What a picture stands on: what a transparent one is laid on, and what of a drawing is ink.

Pillow does it without letting go of Python's lock, for which the event loop would wait each time.
"""

import math

from PIL import Image, ImageChops

LEAST_CONTRAST = 40
"""From white, in levels of 255: what is lighter can't be told from it."""

LEAST_SHOWN = 0.05
"""Of what is opaque: if less stands out from white, it is laid on black."""

INK = 0.3
"""Of the strongest contrast with the ground in a drawing: what has as much is ink."""
LEAST_INK = 8
"""Levels of 255."""
USUAL = 0.66
"""Of a drawing's side: the length of the ink in the middle of Omniglot's drawings."""
LEFT = 0.35
"""Power of its size, relative to the usual, that remains."""


def laid(picture: Image.Image) -> Image.Image:
    """Return a picture on white, or on black if it wouldn't be seen on white; one without transparency as it is."""
    if picture.mode not in ("RGBA", "RGBa"):
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, _colour(layer)), layer)


def _colour(layer: Image.Image) -> str:
    opaque = layer.getchannel("A").point([0] * 128 + [255] * 128)
    greys = layer.convert("L").histogram(opaque)
    shown = sum(greys[: 256 - LEAST_CONTRAST])
    return "black" if sum(greys) and shown < LEAST_SHOWN * sum(greys) else "white"


def centred(drawing: Image.Image) -> Image.Image:
    """Return a square around the ink of a drawing in greys, which then is of more nearly the usual size.

    Some of what it was smaller or larger remains, so that small signs and large ones are still told apart. A drawing
    without ink stays as it is.
    """
    shares = drawing.histogram()
    ground = shares.index(max(shares))
    shown = [level for level, count in enumerate(shares) if count]
    strongest = max(ground - shown[0], shown[-1] - ground)
    if strongest < LEAST_INK:
        return drawing
    contrast = ImageChops.difference(drawing, Image.new("L", drawing.size, ground))
    least = math.ceil(INK * strongest)
    ink = ImageChops.subtract(contrast, Image.new("L", drawing.size, least - 1))  # 0 where it is less
    left, top, right, bottom = ink.getbbox() or (0, 0, *drawing.size)
    size = max(right - left, bottom - top)
    share = USUAL * (size / max(drawing.size) / USUAL) ** LEFT
    side = max(size, round(size / share))
    square = Image.new("L", (side, side), ground)
    square.paste(drawing, (round((side - left - right) / 2), round((side - top - bottom) / 2)))
    return square
