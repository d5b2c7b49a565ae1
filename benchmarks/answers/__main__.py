"""Whether a checkpoint's answers mean what they say: uneven support sets, scores, expected accuracy, `known`, and
queries that are classified together.

    python -m benchmarks.answers --domains ~/domains-validation.tar --data ~/grocery-store --data ~/clothing
    python -m benchmarks.answers --checkpoint models/checkpoints/omniglot.safetensors --data ~/omniglot --test

Data sets are folders, zips or tars of class folders, and `--domains` folders, zips or tars of these. Each set is held
against a calibration that was fitted to the others (see `kshot checkpoint calibrate`); a single one against the
checkpoint's own. Where sizes of support sets ask for more classes than a set has, the set is left out. With --json what
is found of each set is kept as it is found, and a run that is started again goes on after it.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer

from benchmarks.answers import balance, held_out, mixes, strangers
from benchmarks.answers.observed import Observer
from benchmarks.journal import Journal
from benchmarks.machine import describe_machine
from meta_training.calibration.calibrating import encode, read_sets
from meta_training.calibration.observations import PLAIN
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import read_split
from models.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from models.learner import Learner

TITLES = {
    "balance": "Mean accuracy over classes, %, of uneven support sets and of even ones",
    "figures": "Scores, expected accuracy and `known` under a calibration of the other sets",
    "strangers": "`known`, 5-way 5-shot",
    "mixes": "Accuracy of 75 uneven queries classified together (`transductive`) and alone, %, 5-way",
}


class Section(StrEnum):
    """What to look at."""

    BALANCE = "balance"
    FIGURES = "figures"
    STRANGERS = "strangers"
    MIXES = "mixes"


def main(
    data: Annotated[list[Path] | None, typer.Option(help="A data set. Repeat it.")] = None,
    domains: Annotated[list[Path] | None, typer.Option(help="A folder, zip or tar of data sets. Repeat it.")] = None,
    checkpoint: Annotated[Path, typer.Option(help="What to adapt.")] = SHIPPED / "photo.safetensors",
    episodes: Annotated[int, typer.Option(min=2, help="Of each data set, and of each size of uneven sets.")] = 20,
    only: Annotated[list[Section] | None, typer.Option(help="A part of it. Repeat it.")] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Use a data set's test classes, for the one final score.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Decides the episodes.")] = 1,
    device: Annotated[str, typer.Option(help="Where `balance` and `mixes` are adapted to, as cuda.")] = "cpu",
    out: Annotated[
        Path | None,
        typer.Option("--json", help="File for the accuracies of uneven sets; beside it is a folder for answers."),
    ] = None,
) -> None:
    """Hold answers against what is true."""
    if not data and not domains:
        raise typer.BadParameter("Name data by --data or --domains.")
    loaded = load_checkpoint(checkpoint)
    sections = only or list(Section)
    bursts = Section.FIGURES in sections  # no other part has a use for further frames
    sets = _test_sets(loaded, data or []) if test else read_sets(loaded, data or [], domains or [], bursts=bursts)
    typer.echo(f"{describe_machine()}; {checkpoint.stem} {loaded.digest}; {episodes} episodes, seed {seed}")
    journal = Journal.open(out, {"machine": describe_machine(), "checkpoint": loaded.digest, "seed": seed})
    parts: dict[Section, Callable[..., Iterable[str]]] = {
        Section.BALANCE: partial(_balance, journal, torch.device(device)),
        Section.FIGURES: partial(_figures, out and out.with_suffix(".observed")),
        Section.STRANGERS: _strangers,
        Section.MIXES: partial(_mixes, torch.device(device)),
    }
    for section in sections:
        typer.echo(f"\n{TITLES[section]}:\n")
        for line in parts[section](loaded, sets, episodes, seed):
            typer.echo(line)


def _test_sets(checkpoint: Checkpoint, data: Iterable[Path]) -> dict[str, ImageClasses]:
    spec = checkpoint.metadata.input
    return {each.stem: encode(checkpoint, read_split(each, spec).test, each.stem) for each in data}


def _balance(
    journal: Journal,
    device: torch.device,
    checkpoint: Checkpoint,
    sets: Mapping[str, ImageClasses],
    episodes: int,
    seed: int,
) -> Iterable[str]:
    learner = Learner(checkpoint, device)
    return balance.report(list(balance.compare(learner, sets, episodes, seed, journal)))


def _figures(
    folder: Path | None, checkpoint: Checkpoint, sets: Mapping[str, ImageClasses], episodes: int, seed: int
) -> Iterable[str]:
    own = checkpoint.metadata.calibration
    if not own or not own.known:
        raise typer.BadParameter(f"{checkpoint.metadata.name} isn't calibrated. Run `kshot checkpoint calibrate`.")
    plain = PLAIN.model_copy(update={"known": own.known, "near_copy": own.near_copy})
    seen = list(Observer(checkpoint, plain, episodes, seed, folder)(sets))
    found, five = [one for each in seen for one in each.varied], [one for each in seen for one in each.five]
    pairs = list(held_out.held_out(found, five, plain, own))
    told = [some for _, some in pairs]
    yield from held_out.report([row for row, _ in pairs])
    yield ""
    yield from held_out.by_images([each for some in told for each in some])
    yield f"\nNothing is expected in {held_out.untold(found):.1%} of the episodes in which a class has two images."


def _strangers(checkpoint: Checkpoint, sets: Mapping[str, ImageClasses], episodes: int, seed: int) -> Iterable[str]:
    learner = Learner(checkpoint, torch.device("cpu"))
    return strangers.report(strangers.areas(learner, sets, episodes, seed))


def _mixes(
    device: torch.device, checkpoint: Checkpoint, sets: Mapping[str, ImageClasses], episodes: int, seed: int
) -> Iterable[str]:
    return mixes.report(list(mixes.compare(Learner(checkpoint, device), sets, episodes, seed)))


if __name__ == "__main__":
    typer.run(main)
