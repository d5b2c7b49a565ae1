"""Runs a model that `kshot models export` wrote, without kshot or torch: pip install numpy onnxruntime pillow, then

python examples/run_onnx.py model.onnx photo.jpg …
"""

import json
import sys

import numpy as np
from onnxruntime import InferenceSession
from PIL import Image, ImageOps


def prepare(path: str, size: int, mode: str, fit: str) -> np.ndarray:
    """A picture as the model takes it: uint8 [C, size, size]."""
    image = Image.open(path)
    given, room = image.size, (8 if fit == "ink" else 2) * size
    image.draft(None, (room, room))
    if max(image.size) > 2 * min(image.size):
        fit = "pad"  # a crop would show less than half
    clear = image.has_transparency_data
    image = image.convert("RGBA").convert("RGBa") if clear else image.convert(mode)
    image = ImageOps.exif_transpose(image.reduce(max(min(image.size) // room, 1)))
    if clear:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert(mode)
    if fit == "ink" and given != (size, size):
        image = around_ink(image)
    square = (size, size), Image.Resampling.BILINEAR
    image = ImageOps.fit(image, *square) if fit == "crop" else ImageOps.pad(image, *square, color="white")
    return np.asarray(image).reshape(size, size, -1).transpose(2, 0, 1)


def around_ink(drawing: Image.Image) -> Image.Image:
    """A square around what is drawn, of a size nearer to the usual one."""
    ground = drawing.histogram().index(max(drawing.histogram()))
    contrast = abs(np.asarray(drawing, dtype=np.int16) - ground)
    if contrast.max() < 8:
        return drawing
    left, top, right, bottom = Image.fromarray(contrast >= 0.3 * contrast.max()).getbbox()
    length = max(right - left, bottom - top)
    side = max(length, round(length / (0.66 * (length / max(drawing.size) / 0.66) ** 0.35)))
    square = Image.new("L", (side, side), ground)
    square.paste(drawing, (round((side - left - right) / 2), round((side - top - bottom) / 2)))
    return square


def classify(session: InferenceSession, paths: list[str]) -> np.ndarray:
    """The probabilities of the labels for each picture [B, N]."""
    recipe = json.loads(session.get_modelmeta().custom_metadata_map["preprocessing"])
    images = np.stack([prepare(path, recipe["size"], recipe["mode"], recipe["fit"]) for path in paths])
    return session.run(["probabilities"], {"images": images})[0]


if __name__ == "__main__":
    session = InferenceSession(sys.argv[1])
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    for path, scores in zip(sys.argv[2:], classify(session, sys.argv[2:]), strict=True):
        print(path, labels[scores.argmax()], f"{scores.max():.3f}")
