"""Calibrate a checkpoint: hold what it says of episodes of pictures that it was not trained on against the truth."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from tqdm import tqdm

from meta_training.calibration.episodes import SINGLE_EVERY, SINGLES, plan
from meta_training.calibration.fit import fit, fit_singles
from meta_training.calibration.observations import PLAIN, observe
from meta_training.calibration.varied import varied
from meta_training.data.bursts import frames
from meta_training.data.image_classes import ImageClasses, in_colour
from meta_training.data.splits import comes_split, read_data, read_split
from meta_training.errors import DataError
from meta_training.evaluation.card import Card
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.encoders.interface import Encode
from models.estimates.calibration import Calibration
from models.inputs.interface import Input

PICTURES = 2
"""Of each class, that bursts are made of."""


def calibrate(
    path: Path,
    data: Sequence[Path],
    domains: Sequence[Path],
    episodes: int,
    seed: int,
    near_copy: float | None = None,
    fit_to_ink: bool = False,
) -> Checkpoint:
    """Write a checkpoint's calibration into its file, and return it as it is then. It goes on serving its models.

    Its card, where it has one, is brought up to date.

    `data` are data sets, `domains` folders of such; `near_copy` takes the place of the calibration's own, and with
    `fit_to_ink` drawings are fitted to their ink from now on. Raises CheckpointError, and DataError for data that can't
    be read or are too few, for a card that is none, and for a head of a fixed number of classes.
    """
    checkpoint = load_checkpoint(path)
    if fit_to_ink:
        checkpoint = _fitted_to_ink(checkpoint)
    if ways := checkpoint.metadata.head.fixed_ways:
        raise DataError(f"{path} has a head of {ways} classes. Only one that takes any number can be calibrated.")
    card = Card.read(path) if path.with_suffix(".json").exists() else None
    sets = read_sets(checkpoint, data, domains)
    before = checkpoint.metadata.calibration
    alike = before.near_copy if near_copy is None and before else near_copy
    calibration = fitted(checkpoint, sets, episodes, seed, alike)
    serves = (*checkpoint.metadata.serves, checkpoint.digest)
    metadata = checkpoint.metadata.model_copy(update={"calibration": calibration, "serves": serves})
    made = save_checkpoint(path, metadata, checkpoint.initialization, checkpoint.encoder, checkpoint.mixture)
    if card:
        command = shlex.join(["kshot", *sys.argv[1:]])
        card.model_copy(update={"digest": made.digest, "calibrated_by": command}).write(path)
    return made


def _fitted_to_ink(checkpoint: Checkpoint) -> Checkpoint:
    source = checkpoint.metadata.input
    try:
        ink = source.model_validate({**source.model_dump(), "fit": "ink"})
    except ValueError as error:
        raise DataError("Only drawings in one channel can be fitted to their ink.") from error
    return replace(checkpoint, metadata=checkpoint.metadata.model_copy(update={"input": ink}))


def fitted(
    checkpoint: Checkpoint, sets: Mapping[str, ImageClasses], episodes: int, seed: int, near_copy: float | None
) -> Calibration:
    """Return the calibration that so many episodes of each encoded set give, and some of single images beside them.

    Raises DataError where they have too few classes or images.
    """
    single = list(observe(checkpoint, PLAIN, plan(sets, SINGLES, max(1, episodes // SINGLE_EVERY), seed)))
    if not single:
        raise DataError("Calibrating needs two classes of five images, at least. Add images.")
    plain = PLAIN.model_copy(update={"known": fit_singles(single), "near_copy": near_copy})
    several = observe(checkpoint, plain, varied(sets, episodes, seed, bursts=False))
    before = checkpoint.metadata.calibration
    return fit([*single, *several], plain, familiar=before.familiar if before else None)


def read_sets(
    checkpoint: Checkpoint, data: Sequence[Path], domains: Sequence[Path], *, bursts: bool = False
) -> dict[str, ImageClasses]:
    """Return data sets by name, encoded as the checkpoint does. Of Omniglot and the intents only validation classes.

    With `bursts` photographs have frames.

    Raises DataError for what can't be read, and for two sets of one name.
    """
    spec, sets = checkpoint.metadata.input, dict[str, ImageClasses]()
    for source in data:
        _add(sets, source.stem, encode(checkpoint, _unseen(source, spec), source.stem, bursts=bursts))
    for source in domains:
        for name, classes in _unseen(source, spec).by_domain().items():
            _add(sets, name, encode(checkpoint, classes, name, bursts=bursts))
    return sets


def _unseen(source: Path, spec: Input) -> ImageClasses:
    """Return the classes of a data set that the shipped checkpoints were not trained on."""
    return read_split(source, spec).validation if comes_split(source, spec) else read_data(source, spec, progress=True)


def encode(checkpoint: Checkpoint, classes: ImageClasses, name: str, *, bursts: bool = False) -> ImageClasses:
    """Return the classes' images as the frozen encoder makes them; with `bursts` photographs have frames."""
    about, threads = checkpoint.metadata, torch.get_num_threads()
    through = about.encoder.build_ahead(checkpoint.encoder, about.input, torch.device("cpu"), threads=threads)
    bar = tqdm(classes.images, desc=f"encoding {name}", unit="class", leave=False)
    images = tuple(through(torch.from_numpy(images)).numpy() for images in bar)
    rng = np.random.default_rng(0)
    filmed = classes.images if bursts and in_colour(about.input) else ()
    return ImageClasses(classes.names, images, tuple(_frames(through, each, rng) for each in filmed))


def _frames(through: Encode, images: NDArray[Any], rng: Generator) -> NDArray[Any]:
    """Return further frames [P, V, ...] of the first PICTURES of images [K, C, H, W], encoded."""
    made = np.stack([frames(picture, rng) for picture in images[:PICTURES]])
    seen = through(torch.from_numpy(made.reshape(-1, *made.shape[2:]))).numpy()
    return seen.reshape(*made.shape[:2], *seen.shape[1:])


def _add(sets: dict[str, ImageClasses], name: str, classes: ImageClasses) -> None:
    if name in sets:
        raise DataError(f"Two data sets are called {name}. Rename one.")
    sets[name] = classes
