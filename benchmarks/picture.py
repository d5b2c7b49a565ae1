"""The README's pictures: a support set, new pictures, and what the running service says of them.

python -m benchmarks.picture drawings                     # writes docs/drawings.png from tests/data/drawings
python -m benchmarks.picture photos
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from benchmarks.server import running_server
from kshot import Client
from kshot.predictions import Prediction

Kind: TypeAlias = Literal["drawings", "photos"]
CHECKPOINTS: dict[Kind, str] = {"drawings": "omniglot", "photos": "photo"}
DATA, DOCS = Path("tests/data"), Path("docs")
GAP = 1  # empty column between the support set and the queries


def main(kind: Annotated[Kind, typer.Argument(help="Which samples of tests/data.")]) -> None:
    """Adapt to `support`, ask about `query`, and draw both."""
    folder, out = DATA / kind, DOCS / f"{kind}.png"
    support, query = _by_class(folder / "support"), _by_class(folder / "query")
    with running_server() as url, Client(url) as kshot:
        model = kshot.adapt(folder / "support", checkpoint=CHECKPOINTS[kind])
        answer = kshot.predict(model.id, [file for files in query.values() for file in files])
    _draw(support, query, answer.predictions).savefig(out, dpi=110)
    typer.echo(f"{out}: {len(answer.predictions)} new {kind}, adapted in {model.timings_ms.adapt:.0f} ms")


def _by_class(folder: Path) -> dict[str, list[Path]]:
    return {each.name: sorted(each.iterdir()) for each in sorted(folder.iterdir())}


def _draw(support: dict[str, list[Path]], query: dict[str, list[Path]], predictions: Sequence[Prediction]) -> Figure:
    """A row for each class: its support images, then its queries with label and score."""
    shots, queries = (max(len(files) for files in folder.values()) for folder in (support, query))
    figure = Figure(figsize=(1.05 * (shots + GAP + queries), 1.25 * len(support)), layout="constrained")
    grid = figure.subplots(len(support), shots + GAP + queries, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    answers = iter(predictions)
    for row, name in zip(grid, support, strict=True):
        for axes, file in zip(row, support[name], strict=False):
            _show(axes, file)
        row[0].set_title(name, fontsize=8, loc="left")
        for axes, file in zip(row[shots + GAP :], query[name], strict=False):
            prediction = next(answers)
            _show(axes, file)
            colour = "tab:green" if prediction.label == name else "tab:red"
            axes.set_title(f"{prediction.label}\n{prediction.score:.3f}", fontsize=7, color=colour)
    return figure


def _show(axes: Axes, file: Path) -> None:
    axes.imshow(Image.open(file).convert("RGB"))


if __name__ == "__main__":
    typer.run(main)
