"""Pictures with one place after the other covered, to see what each of them says (Zeiler and Fergus 2014, §4.2)."""

import torch
from torch import Tensor

PLACES = 7
"""Along each side."""


GREY = 128


def covered(image: Tensor) -> Tensor:
    """Return copies of an image [C, H, W] with one place covered: [49, C, H, W], row by row.

    In colours it is covered by grey; in a drawing by the ground that it is drawn on.
    """
    cover = GREY if len(image) > 1 else int(image.median())
    height, width = image.shape[1:]
    copies = image.repeat(PLACES**2, 1, 1, 1)
    for place, copy in enumerate(copies):
        row, column = divmod(place, PLACES)
        copy[:, _part(row, height), _part(column, width)] = cover
    return copies


def spread(places: Tensor, height: int, width: int) -> Tensor:
    """Return numbers of places [7, 7] smoothly over an image [H, W]."""
    return torch.nn.functional.interpolate(places[None, None], (height, width), mode="bicubic")[0, 0]


def _part(place: int, length: int) -> slice:
    return slice(place * length // PLACES, (place + 1) * length // PLACES)
