"""Further frames of a photograph, as a burst or a film has them: a step aside, other light, noise."""

from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.nn.functional import interpolate

FRAMES = 3
LEAST = 0.85
"""Side of what is cut out, of the picture's."""
BRIGHTER = 0.15
NOISE = 4.0  # standard deviation, of 255


def frames(picture: NDArray[Any], rng: Generator) -> NDArray[Any]:
    """Return FRAMES [V, C, H, W] of a picture [C, H, W], all uint8."""
    return np.stack([_frame(picture, rng) for _ in range(FRAMES)])


def _frame(picture: NDArray[Any], rng: Generator) -> NDArray[Any]:
    _, height, width = picture.shape
    share = rng.uniform(LEAST, 1)
    tall, wide = int(share * height), int(share * width)
    top, left = rng.integers(height - tall + 1), rng.integers(width - wide + 1)
    part = torch.from_numpy(picture[None, :, top : top + tall, left : left + wide]).float()
    whole = interpolate(part, size=(height, width), mode="bilinear", align_corners=False)[0].numpy()
    light = whole * (1 + rng.uniform(-BRIGHTER, BRIGHTER)) + rng.normal(0, NOISE, whole.shape)
    return light.round().clip(0, 255).astype(np.uint8)
