"""Is one checkpoint better than another? By what two runs wrote of the same episodes.

    python -m benchmarks.photo_accuracy --only kshot --json photo.json
    python -m benchmarks.photo_accuracy --only kshot --checkpoint checkpoints/photo-large.safetensors --json large.json
    python -m benchmarks.photo_accuracy.compare large.json photo.json

Differences of accuracy in points, paired, with 95 % intervals over episodes.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.photo_accuracy.contenders import OURS
from benchmarks.photo_accuracy.report import from_json, row, table
from benchmarks.photo_accuracy.results import Estimate, estimate, mean

Setting = tuple[int, int]


def main(
    ours: Annotated[Path, typer.Argument(exists=True, help="What --json wrote of the checkpoint in question.")],
    other: Annotated[Path, typer.Argument(exists=True, help="The same of the one to compare it with.")],
) -> None:
    """Compare two checkpoints by accuracy."""
    found: dict[str, dict[Setting, Estimate]] = {}
    for data, setting, difference in _differences(ours, other):
        found.setdefault(data, {})[setting] = difference
    settings = sorted({setting for those in found.values() for setting in those})
    rows = [
        row(data, [those[each].signed if each in those else "–" for each in settings]) for data, those in found.items()
    ]
    means = [mean([those[each] for those in found.values() if each in those]).signed for each in settings]
    names = [f"{ways}-way {shots}-shot" for ways, shots in settings]
    typer.echo(table(f"{ours.stem} − {other.stem}", names, [row("*mean*", means), *rows]))


def _differences(ours: Path, other: Path) -> Iterator[tuple[str, Setting, Estimate]]:
    """Data set, setting asked for, and difference, of all that both have.

    Raises typer.BadParameter for other episodes.
    """
    first, second = (json.loads(path.read_text()) for path in (ours, other))
    if first["seed"] != second["seed"] or first["quick"] != second["quick"]:
        raise typer.BadParameter("They are of other episodes: give both runs the same --seed and --quick.")
    theirs = {_key(each): each for each in second["results"]}
    for each in first["results"]:
        if _key(each) in theirs:
            ours_found, their_found = (from_json(one).accuracies[OURS] for one in (each, theirs[_key(each)]))
            yield each["data"], (each["asked"], each["shots"]), estimate(ours_found - their_found)


def _key(result: dict[str, object]) -> tuple[object, ...]:
    return tuple(result[name] for name in ("data", "asked", "shots", "count"))


if __name__ == "__main__":
    typer.run(main)
