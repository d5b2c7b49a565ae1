"""Episodes as people's support sets are: of few and many classes and images, even and uneven, and with bursts."""

import math
from collections.abc import Mapping
from functools import partial
from zlib import crc32

import numpy as np
from numpy.random import Generator

from meta_training.calibration.episodes import LEAST_QUERIES, QUERIES, Episode, Plan, draw, fitting
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses

MOST_WAYS, MOST_IMAGES = 40, 100
"""What a support set has at most, but for the frames of bursts."""
FIVE_WAYS, BURSTS, UNEVEN = 0.35, 0.2, 0.3
"""Shares of episodes that are of five classes, that have bursts, and that are uneven."""
IN_BURSTS = 4
"""Different images of each class in an episode with bursts, at most."""


def varied(sets: Mapping[str, ImageClasses], episodes: int, seed: int, *, bursts: bool) -> Plan:
    """Return so many episodes of each set that has two classes of enough images: from 1 image up to what leaves some.

    Numbers of classes and images are drawn evenly on a logarithmic scale: between 1 and 4 as often as between 4 and 16.
    With `bursts` some have further frames of an image of each class, where the set has frames.
    """
    return [
        (name, partial(_drawn, generator(seed, number, crc32(name.encode())), classes, bursts))
        for name, classes in sets.items()
        if [*fitting(classes, [(1, 1)])]
        for number in range(episodes)
    ]


def _drawn(rng: Generator, classes: ImageClasses, bursts: bool) -> Episode:
    enough = sorted(len(images) - LEAST_QUERIES for images in classes.images if len(images) > LEAST_QUERIES)
    ways = min(5, len(enough)) if rng.random() < FIVE_WAYS else _between(rng, 2, min(len(enough), MOST_WAYS))
    most = _between(rng, 1, max(1, min(enough[-ways], MOST_IMAGES // ways)))
    kind = rng.random()
    if kind < UNEVEN:
        return draw(rng, classes, _uneven(rng, most, ways), QUERIES)
    if kind < UNEVEN + BURSTS and bursts and classes.frames:
        return draw(rng, classes, (min(most, IN_BURSTS),) * ways, QUERIES, burst=True)
    return draw(rng, classes, (most,) * ways, QUERIES)


def _between(rng: Generator, low: int, high: int) -> int:
    """Draw a whole number, evenly on a logarithmic scale."""
    return round(low * math.exp(rng.uniform(0, math.log(high / low))))


def _uneven(rng: Generator, most: int, ways: int) -> tuple[int, ...]:
    """Draw numbers of images: one class with more than the others, or each with less than the one before."""
    least = _between(rng, 1, most)
    if rng.random() < 0.5:
        return (most, *(least,) * (ways - 1))
    shares = np.geomspace(most, least, ways)
    return tuple(shares.round().astype(int).tolist())
