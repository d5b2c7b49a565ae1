"""What a picture that is transparent in part is laid on."""

from PIL import Image

LEAST_CONTRAST = 40
"""From white, in levels of 255: what is lighter can't be told from it."""

LEAST_SHOWN = 0.05
"""Of what is opaque: if less stands out from white, it is laid on black."""


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
