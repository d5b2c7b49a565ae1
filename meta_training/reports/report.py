"""The report of `kshot report`: cards and runs as a Markdown table and pictures, beside the paper's figures."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from meta_training.errors import DataError, RunError
from meta_training.evaluation.card import Card
from meta_training.evaluation.score import Score
from meta_training.reports.comparison import Comparison, compare, kinds
from meta_training.reports.comparison_picture import draw_comparison
from meta_training.reports.learning_curve import draw_learning_curve, recorded_memory
from meta_training.run_folder import Progress, make_folder

REMEDY = "Name a checkpoint's card, <name>.json, or the folder of a finished run."
LEGEND = (
    "Accuracy in % on classes that were not trained on. ± of ours is the 95 % interval over episodes. The published "
    "figures are from the papers of Reptile (arXiv 1803.02999) and iMAML (arXiv 1909.04630). T: transductive batch "
    "norm. As served: scored by the calls of the service."
)


@dataclass(frozen=True)
class Source:
    """A card, the file it was read from, and the curves of a run where its folder was named."""

    path: Path
    card: Card
    progress: Progress | None = None


def report(paths: list[Path], out: Path | None) -> None:
    """Print the report of cards and run folders, or write it to a folder with its pictures.

    Raises KshotError where one is neither card nor run, or the folder cannot be made.
    """
    sources = _titled([read_source(path) for path in paths])
    comparison = compare({title: source.card for title, source in sources.items()})
    text = markdown(sources, comparison)
    if out is None:
        typer.echo(text)
        return
    make_folder(out)
    pictures = write_pictures(out, sources, comparison)
    (out / "report.md").write_text(text + "".join(f"\n![{Path(name).stem}]({name})\n" for name in pictures))
    typer.echo(f"{out / 'report.md'} and {', '.join(pictures) or 'no pictures'}")


def read_source(path: Path) -> Source:
    """Read a card, or a run folder with its card. Raises KshotError that says what to name where it is neither."""
    if not path.is_dir():
        return Source(path, _read_card(path))
    try:
        document = json.loads((path / "report.json").read_text())
        card = path / f"{document.pop('config')['name']}.json"
        progress = Progress(**document)
    except FileNotFoundError as error:
        raise RunError(f"{path} holds no report.json, which a run writes at its end. {REMEDY}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path / 'report.json'} is not what a run wrote. {REMEDY}") from error
    return Source(card, Card.read(card), progress)


def _read_card(path: Path) -> Card:
    if path.suffix not in (".json", ".safetensors"):
        raise DataError(f"{path} is no card. {REMEDY}")
    return Card.read(path)


def _titled(sources: list[Source]) -> dict[str, Source]:
    """Title sources by name, with a piece of the digest where two share theirs."""
    names = Counter(source.card.name for source in sources)
    return {
        f"{card.name} {card.digest.removeprefix('sha256:')[:8]}" if names[card.name] > 1 else card.name: source
        for source in sources
        for card in (source.card,)
    }


def write_pictures(out: Path, sources: dict[str, Source], comparison: Comparison) -> list[str]:
    """Write `report.png` and a learning curve for each run; return the names of the files."""
    figures = {"report.png": draw_comparison(comparison)} if comparison.rows else {}
    for title, source in sources.items():
        if source.progress:
            figures[f"{title.replace(' ', '-')}-learning-curve.png"] = draw_learning_curve(title, source.progress)
    for name, figure in figures.items():
        figure.savefig(out / name, dpi=120)
    return list(figures)


def markdown(sources: dict[str, Source], comparison: Comparison) -> str:
    """Return how each checkpoint came about, and the table."""
    blocks = ["# Few-shot accuracy beside published figures"]
    blocks += [_block(title, source) for title, source in sources.items()]
    if comparison.rows:
        blocks += ["\n".join(_table(comparison)), LEGEND]
    return "\n\n".join(blocks) + "\n"


def _block(title: str, source: Source) -> str:
    return f"## {title}\n\n" + "\n".join(f"- {line}" for line in _facts(source))


def _facts(source: Source) -> Iterator[str]:
    card, config, data = source.card, source.card.config, source.card.data
    yield f"command: `{card.command}`"
    yield f"seed {config.seed}, {config.meta_steps:,} meta steps, {_duration(card.training_seconds)} of training"
    yield f"{data.training_classes:,} training classes of {data.source}, {len(data.test_classes)} test classes"
    yield f"digest `{card.digest}`"
    for kind, scores in kinds(card).items():
        yield f"{kind}: " + "; ".join(dict.fromkeys(map(_how, scores)))
    if not card.test_scores:
        yield f"not scored yet: `kshot evaluate {source.path.with_suffix('.safetensors')} --write-card`"
    if source.progress and (memory := recorded_memory(source.progress)):
        first, *_, last = (*memory, *memory)
        yield (
            f"memory: {memory[first]:.0f} MB after {first:,} meta steps, {memory[last]:.0f} MB after {last:,}, "
            f"{max(memory.values()):.0f} MB at most"
        )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 120 else f"{seconds:.0f} s"


def _how(score: Score) -> str:
    images = "the whole support set" if score.inner_batch is None else f"{score.inner_batch} images"
    return f"{score.steps} inner steps on {images}, learning rate {score.learning_rate:g}, {score.episodes:,} episodes"


def _table(comparison: Comparison) -> Iterator[str]:
    yield "| | " + " | ".join(map(str, comparison.columns)) + " |"
    yield "|---" * (1 + len(comparison.columns)) + "|"
    for row in comparison.rows:
        texts = (row.cells[column].text if column in row.cells else "–" for column in comparison.columns)
        yield f"| {f'**{row.label}**' if row.ours else row.label} | " + " | ".join(texts) + " |"
