"""Calibrate a checkpoint: hold what it says of episodes of pictures that it was not trained on against the truth."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from tqdm import tqdm

from meta_training.calibration.fit import fit, fit_singles
from meta_training.calibration.observations import PLAIN, observe
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import comes_split, read_data, read_split
from meta_training.errors import DataError
from meta_training.evaluation.card import Card
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.estimates.calibration import Calibration
from models.inputs.interface import Input

SINGLES = ((1,) * 2, (1,) * 5, (1,) * 10)
SEVERAL = (
    (5,) * 2,
    (2,) * 5,
    (3,) * 5,
    (5,) * 5,
    (10,) * 5,
    (5,) * 10,
    (8, 2, 2, 2, 2),
    (8, 5, 3, 2, 1),
    (8, 1, 1, 1, 1),
    (2,) * 20,
)
"""Images of each class, as users have them."""


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
    """Return the calibration that episodes of encoded sets give, each set counting by the settings it has classes for.

    Raises DataError where they have too few classes or images.
    """
    single = list(observe(checkpoint, PLAIN, sets, SINGLES, episodes, seed))
    if not single:
        raise DataError("Calibrating needs two classes of five images, at least. Add images.")
    known = fit_singles(single)
    plain = PLAIN.model_copy(update={"known": known, "near_copy": near_copy})
    several = list(observe(checkpoint, plain, sets, SEVERAL, episodes, seed))
    before = checkpoint.metadata.calibration
    return fit([*single, *several], plain, familiar=before.familiar if before else None)


def read_sets(checkpoint: Checkpoint, data: Sequence[Path], domains: Sequence[Path]) -> dict[str, ImageClasses]:
    """Return data sets by name, encoded as the checkpoint does. Of Omniglot and the intents only validation classes.

    Raises DataError for what can't be read, and for two sets of one name.
    """
    spec, sets = checkpoint.metadata.input, dict[str, ImageClasses]()
    for source in data:
        _add(sets, source.stem, encode(checkpoint, _unseen(source, spec), source.stem))
    for source in domains:
        for name, classes in _unseen(source, spec).by_domain().items():
            _add(sets, name, encode(checkpoint, classes, name))
    return sets


def _unseen(source: Path, spec: Input) -> ImageClasses:
    """Return the classes of a data set that the shipped checkpoints were not trained on."""
    return read_split(source, spec).validation if comes_split(source, spec) else read_data(source, spec, progress=True)


def encode(checkpoint: Checkpoint, classes: ImageClasses, name: str) -> ImageClasses:
    """Return the classes' images as the frozen encoder makes them."""
    about, threads = checkpoint.metadata, torch.get_num_threads()
    through = about.encoder.build_ahead(checkpoint.encoder, about.input, torch.device("cpu"), threads=threads)
    bar = tqdm(classes.images, desc=f"encoding {name}", unit="class", leave=False)
    return ImageClasses(classes.names, tuple(through(torch.from_numpy(images)).numpy() for images in bar))


def _add(sets: dict[str, ImageClasses], name: str, classes: ImageClasses) -> None:
    if name in sets:
        raise DataError(f"Two data sets are called {name}. Rename one.")
    sets[name] = classes
