"""Is the checkpoint for photographs better than what one would use instead?

    python -m benchmarks.photo_accuracy                       # the data sets in KSHOT_DATA, 200 episodes each
    python -m benchmarks.photo_accuracy --data ~/my-photos --setting 5x5 --episodes 100
    python -m benchmarks.photo_accuracy --domains domains-validation.tar --only kshot --only "kshot, not meta-trained"
    python -m benchmarks.photo_accuracy --quick --checkpoint runs/photo/photo.safetensors

On the same episodes, and the same encoder, of each data set (a folder, zip or tar of class folders, or of such data
sets), 15 queries a class or what there is: the checkpoint by the calls that the service makes, with its default steps,
with none, and as it was before meta-training; and on the ImageNet network's own pooled features nearest centroid,
logistic regression and Teachable Machine's recipe. Differences are paired, and to the alternative that did best in that
set and setting. With --json each result is written as it ends, and a run that is started again goes on after it, with
other contenders too.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from tqdm import tqdm

from app.server.process import restart_with_environment
from benchmarks.journal import Journal
from benchmarks.machine import describe_machine
from benchmarks.photo_accuracy.contenders import Contender, contenders
from benchmarks.photo_accuracy.episodes import Episodes, draw
from benchmarks.photo_accuracy.photos import Photos, read_domains, read_photos
from benchmarks.photo_accuracy.report import (
    TRAINED,
    as_json,
    differences,
    from_json,
    table_of_differences,
    table_of_means,
    table_of_set,
)
from benchmarks.photo_accuracy.results import Accuracies, Result
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner

SETS, DOMAINS = ("grocery-store", "clothing", "sign-digits"), "domains-validation"
DRAWN = ("arabic_handwritten", "handwritten_apl_symbols", "pcb_defects", "pokemon", "simpsons14")
"""Of DOMAINS, those that are no photographs, by its README."""
SETTINGS = ["5x1", "5x5", "10x5"]
QUICK_EPISODES, QUICK_CLASSES = 8, 6


def main(
    data: Annotated[
        list[Path] | None, typer.Option(help="Folder, zip or tar of class folders, repeatable; else in KSHOT_DATA.")
    ] = None,
    domains: Annotated[Path | None, typer.Option(help="Folder, zip or tar of folders of class folders.")] = None,
    checkpoint: Annotated[Path, typer.Option(help="Of photographs.")] = SHIPPED / "photo.safetensors",
    setting: Annotated[list[str] | None, typer.Option(help="N×K as `5x1`, repeatable; three when not given.")] = None,
    episodes: Annotated[int, typer.Option(min=2, help="Episodes of each set and setting.")] = 200,
    only: Annotated[list[str] | None, typer.Option(help="A contender by name, repeatable; all if none.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the episodes.")] = 0,
    device: Annotated[str, typer.Option(help="Of kshot, as cuda.")] = "cpu",
    quick: Annotated[bool, typer.Option("--quick", help="Few episodes of few classes: does it run?")] = False,
    out: Annotated[Path | None, typer.Option("--json", help="File for the accuracy of every episode.")] = None,
) -> None:
    """Compare by accuracy."""
    settings = [_parse(text) for text in setting or SETTINGS]
    learner = Learner(load_checkpoint(checkpoint), torch.device(device))
    episodes = QUICK_EPISODES if quick else episodes
    digest = learner.checkpoint.digest
    typer.echo(f"{describe_machine()}; {checkpoint.name}, {digest:.19}; {episodes} episodes each, seed {seed}\n")
    field = contenders(learner)
    if only:
        field = {name: field[name] for name in _known(only, field)}
    journal = Journal.open(out, {"machine": describe_machine(), "checkpoint": digest, "seed": seed, "quick": quick})
    table: list[list[Result]] = []
    for photos in _sets(data, domains, learner, QUICK_CLASSES if quick else None):
        if photos.name in (row[0].data for row in table):
            raise typer.BadParameter(f"Two data sets are called {photos.name}. Rename one.", param_hint="--data")
        row = [_found(journal, field, photos, ways, shots, episodes, seed) for ways, shots in settings]
        table.append(row)
        typer.echo(table_of_set(row))
    _summarize([f"{ways}-way {shots}-shot" for ways, shots in settings], table)


def _known(names: list[str], field: dict[str, Contender]) -> list[str]:
    for name in names:
        if name not in field:
            raise typer.BadParameter(f"{name!r} is none of {', '.join(field)}.", param_hint="--only")
    return names


def _summarize(names: list[str], table: list[list[Result]]) -> None:
    """Means over all sets, and over those that are photographs."""
    photographs = [row for row in table if row[0].data not in DRAWN]
    kinds = [("sets", table)] + ([("sets of photographs", photographs)] if 0 < len(photographs) < len(table) else [])
    for title, rows in kinds:
        typer.echo(table_of_means(dict(zip(names, zip(*rows, strict=True), strict=True)), title))
    if all(TRAINED in differences(result) for row in table for result in row):
        typer.echo(table_of_differences(dict(zip(names, zip(*table, strict=True), strict=True)), TRAINED))


def _sets(data: list[Path] | None, domains: Path | None, learner: Learner, most: int | None) -> Iterator[Photos]:
    """Read those that are named, or all in KSHOT_DATA."""
    if not (data or domains):
        folder = _shared()
        data, domains = [folder / f"{name}.tar" for name in SETS], folder / f"{DOMAINS}.tar"
    for source in data or ():
        yield read_photos(source, learner, most=most)
    if domains:
        yield from read_domains(domains, learner, most=most)


def _shared() -> Path:
    folder = os.environ.get("KSHOT_DATA")
    if folder is None:
        raise typer.BadParameter("Name data sets, or their folder by KSHOT_DATA.", param_hint="--data")
    return Path(folder)


def _parse(setting: str) -> tuple[int, int]:
    if not re.fullmatch(r"\d+x\d+", setting):
        raise typer.BadParameter(f"{setting!r} is not N×K, as in 5x1.", param_hint="--setting")
    ways, shots = map(int, setting.split("x"))
    if ways < 2 or shots < 1:
        raise typer.BadParameter(f"{setting!r} has fewer than 2 ways or 1 shot.", param_hint="--setting")
    return ways, shots


def _found(
    journal: Journal, field: dict[str, Contender], photos: Photos, ways: int, shots: int, episodes: int, seed: int
) -> Result:
    """What earlier runs wrote into the journal, and what this one finds of contenders that they left out."""
    key = {"data": photos.name, "asked": ways, "shots": shots, "count": episodes}
    row = journal.find(key)
    found = from_json(row) if row else Result(photos.name, min(ways, len(photos.numbers)), shots, {})
    missing = {name: contender for name, contender in field.items() if name not in found.accuracies}
    if missing:
        new = _compare(missing, photos, ways, shots, episodes, seed)
        found = replace(found, accuracies=found.accuracies | new.accuracies)
        journal.write(key, as_json(found))
    return replace(found, accuracies={name: found.accuracies[name] for name in field})


def _compare(field: dict[str, Contender], photos: Photos, ways: int, shots: int, episodes: int, seed: int) -> Result:
    drawn = draw(photos, ways, shots, episodes, seed)
    with tqdm(total=len(field) * episodes, desc=f"{photos.name}, {ways}x{shots}", unit="episode", leave=False) as bar:
        accuracies = {name: _score(contender, photos, drawn, bar) for name, contender in field.items()}
    return Result(photos.name, drawn.ways, shots, accuracies)


def _score(contender: Contender, photos: Photos, episodes: Episodes, bar: "tqdm[None]") -> Accuracies:
    """The accuracy of each episode."""
    scores: list[Accuracies] = []
    for part in episodes.parts():
        right = contender(photos, part).cpu() == part.answers
        scores.append(right.double().mean(dim=1).numpy())
        bar.update(len(part))
    return np.concatenate(scores)


if __name__ == "__main__":
    restart_with_environment()  # the malloc that the server has
    typer.run(main)
