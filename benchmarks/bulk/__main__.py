"""How fast bulk jobs are, what memory they take, and how well their models do.

    python -m benchmarks.bulk predict                  # 100,000 drawings and 5,000 photos; five minutes on two cores
    python -m benchmarks.bulk predict --drawings 5000 --photos 500
    python -m benchmarks.bulk adapt                    # 27,101 pictures, 1,241 classes; an hour, mostly scikit-learn's
    python -m benchmarks.bulk adapt --classes 100

Reads Omniglot, domains-train.tar and domains-validation.tar in --data or KSHOT_DATA.
"""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from app.server.process import restart_with_environment
from benchmarks.bulk.adapting import LargeSet, measure_adapt
from benchmarks.bulk.jobs import bulk
from benchmarks.bulk.predicting import measure_predict
from benchmarks.bulk.sources import write_drawings, write_photos
from benchmarks.machine import describe_machine

SAMPLES = Path(__file__).parents[2] / "tests" / "data"
Data = Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="The folder with Omniglot and the domains.")]

app = typer.Typer(help=__doc__, no_args_is_help=True)


@app.command()
def predict(
    data: Data,
    drawings: Annotated[int, typer.Option(min=0, help="Drawings of one run; 0 leaves it out.")] = 100_000,
    photos: Annotated[int, typer.Option(min=0, help="Photos of the other.")] = 5000,
) -> None:
    """Measure `kshot bulk predict`: its pace beside the network's own, its memory, and that it goes on where it was."""
    restart_with_environment()  # the network alone has the switches of the job's process then
    typer.echo(f"{describe_machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind, checkpoint, write, count in (
            ("drawings", "omniglot", write_drawings, drawings),
            ("photos", "photo", write_photos, photos),
        ):
            if not count:
                continue
            source = write(data, folder / f"{kind}.zip", count)
            model = bulk(folder / "store", "adapt", SAMPLES / kind / "support", "--checkpoint", checkpoint)
            for line in measure_predict(kind, folder, source, model.model_id):
                typer.echo(line)


@app.command()
def adapt(
    data: Data,
    classes: Annotated[int | None, typer.Option(min=2, help="Take so many classes only.")] = None,
    strength: Annotated[
        float, typer.Option("--c", help="scikit-learn's C, chosen on a fifth of the pictures to learn from.")
    ] = 500,
    iterations: Annotated[int, typer.Option(help="scikit-learn's; 0 leaves it out.")] = 100,
) -> None:
    """Measure `kshot bulk adapt` on both domain tars, a fifth of each class held out, beside scikit-learn."""
    typer.echo(f"{describe_machine()}\n")
    with tempfile.TemporaryDirectory() as name:
        found = LargeSet.unpack(data, Path(name), classes)
        typer.echo(measure_adapt(found, Path(name), strength, iterations))


if __name__ == "__main__":
    app()
