"""`kshot bulk`: jobs over any number of pictures, without a server."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.server.process import restart_with_environment
from kshot.commands.console import ArchiveEncoding, fail

if TYPE_CHECKING:
    from app.settings import Settings

bulk = typer.Typer(
    name="bulk",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Adapt to, and classify, any number of pictures without a server.",
)

Store = Annotated[
    str | None,
    typer.Option(envvar="KSHOT_STORE", help="The store that has the model: a directory, or s3://bucket/prefix."),
]
Tenant = Annotated[str, typer.Option(help="The tenant whose model it is, where the server has API keys.")]
Checkpoints = Annotated[
    Path | None, typer.Option(envvar="KSHOT_CHECKPOINTS", help="Directory of the checkpoint that it was adapted from.")
]
Device = Annotated[str | None, typer.Option(envvar="KSHOT_DEVICE", help="`auto`, `cpu`, `cuda` or `cuda:<index>`.")]
Threads = Annotated[
    int | None, typer.Option(envvar="KSHOT_THREADS", min=1, help="CPU threads of the network; all cores unless given.")
]


@bulk.command("predict")
def predict(
    model: Annotated[
        str,
        typer.Argument(help="The id that `kshot adapt` printed, a file of the store, or one exported as ONNX."),
    ],
    source: Annotated[
        str,
        typer.Argument(
            help="A folder, a pattern in quotes, a zip or tar, a CSV with a column `path`, or s3://bucket/prefix."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The results: a name that ends in .parquet, .csv or .jsonl.")],
    engine: Annotated[
        Literal["process", "ray"],
        typer.Option(help="What computes: this process, or Ray Data."),
    ] = "process",
    actors: Annotated[int, typer.Option(min=1, help="Processes of Ray's that hold the model.")] = 2,
    scores: Annotated[bool, typer.Option("--scores", help="Write the scores of all classes too.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew where there are results.")] = False,
    store: Store = None,
    tenant: Tenant = "",
    checkpoints: Checkpoints = None,
    device: Device = None,
    threads: Threads = None,
    archive_encoding: ArchiveEncoding = None,
) -> None:
    """Classify all pictures of a source, and write a row for each file: path, label, score, known, accepted, error.

    Files that are no picture, or none that can be read, have in `error` what is wrong with them; hidden ones are left
    out. If it ends early, by a signal, a crash or a full disk, the same command goes on where it was, and the results
    are the same to the byte. Until then, what is done is in a hidden file beside the results.

    The limits of requests don't hold; those of a picture do: KSHOT_MAX_IMAGE_BYTES and KSHOT_MAX_IMAGE_PIXELS.

    Examples:
    - `kshot bulk predict 019ab2f3c4d5e6f708192a3b4c5d6e7f photos --out predictions.parquet`

    - `kshot bulk predict 019ab2f3c4d5e6f708192a3b4c5d6e7f 'photos/**/*.jpg' --out predictions.csv --scores`

    - `kshot bulk predict animals.onnx s3://bucket/photos --out predictions.jsonl`
    """
    restart_with_environment()  # first of all, before torch is imported
    from app.bulk.decoding import EntryDecoder
    from app.bulk.in_process import InProcess
    from app.bulk.models import open_model
    from app.bulk.predict import BlockEngine, Listing, Output
    from app.bulk.predict import predict as run
    from app.bulk.sources.opening import open_source
    from app.commands.progress import ProgressBar
    from app.server.process import quiet_pillow

    quiet_pillow()
    settings = _settings(store=store, checkpoints=checkpoints, device=device, threads=threads)
    with _errors_in_words(), ProgressBar("Predicting") as progress:
        output = Output(out.absolute(), scores, overwrite)
        output.prepare()
        predictor = open_model(model, settings, tenant)
        files = open_source(source, output.path, settings.store_seconds, archive_encoding)
        listing = Listing.of(files, progress.listed)
        if engine == "ray":
            _require_ray()
            from app.bulk.ray_data import Opened, RayData

            computing: BlockEngine = RayData(
                predictor, Opened(model, tenant, files, settings, scores), listing.files, actors
            )
        else:
            computing = InProcess(predictor, files, EntryDecoder.of(settings, predictor.input), scores)
        done = run(computing, files, listing, output, progress)
    for fault in done.first_faults:
        typer.echo(fault, err=True)
    more = done.faulty - len(done.first_faults)
    if more:
        typer.echo(f"… and {more} more: see the column `error`.", err=True)
    typer.echo(f"Classified {done.files - done.faulty} of {done.files} files: {out}")


@bulk.command("adapt")
def adapt(
    source: Annotated[
        str,
        typer.Argument(help="A folder, zip or tar with a folder of pictures for each class, or s3://bucket/prefix."),
    ],
    checkpoint: Annotated[
        str | None, typer.Option(envvar="KSHOT_CHECKPOINT", help="What to start from; `photo` unless given.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name to know the model by.")] = None,
    steps: Annotated[
        int | None, typer.Option(min=0, help="Gradient steps (k); unless given, as many as help, or none.")
    ] = None,
    store: Store = None,
    tenant: Tenant = "",
    checkpoints: Checkpoints = None,
    device: Device = None,
    threads: Threads = None,
    archive_encoding: ArchiveEncoding = None,
) -> None:
    """Make a classifier from tens of thousands of pictures and up to thousands of classes, and keep it in the store.

    For sets that a server takes, `kshot adapt` is quicker and says more. Here the head learns from all pictures, and
    the network's steps are taken on a sample. A fifth of each class is held out first, to choose how and to say what
    accuracy to expect; in the end the head is of all. Memory stays bounded; some 30 KB a picture are on the disk
    meanwhile, where TMPDIR says.

    The model is like any other: a server on the same store predicts with it.

    Examples:
    - `kshot bulk adapt plants --store /var/lib/kshot/models`

    - `kshot bulk adapt plants.zip --name plants --threads 8`
    """
    restart_with_environment()
    from app.bulk.adapt import Wanted
    from app.bulk.adapt import adapt as run
    from app.bulk.decoding import EntryDecoder
    from app.bulk.models import open_learner
    from app.bulk.sources.opening import open_source
    from app.bulk.support import read_support
    from app.commands.progress import ProgressBar
    from app.server.process import quiet_pillow
    from app.service.answers import model_answer
    from app.store import open_store
    from kshot.commands.console import of_hundred

    quiet_pillow()
    settings = _settings(store=store, checkpoint=checkpoint, checkpoints=checkpoints, device=device, threads=threads)
    with _errors_in_words(), ProgressBar("Reading names") as progress:
        models = open_store(settings).of(tenant)
        learner = open_learner(settings.checkpoint, settings)
        files = open_source(source, Path(), settings.store_seconds, archive_encoding)
        support, pictures = read_support(files, settings)
        decoder = EntryDecoder.of(settings, learner.checkpoint.metadata.input)
        model = models.put(run(learner, support, pictures, decoder, Wanted(name, steps), progress)).record
    images = sum(model.shots.values())
    typer.echo(f"Adapted {model.checkpoint.name} to {len(model.classes)} classes with {images} images.")
    if expected := model_answer(model).validation:
        typer.echo(f"Of new images it should get about {of_hundred(expected)} right.")
    if model.skipped_count:
        typer.echo(f"Left out {model.skipped_count}, {model.skipped[0]} for one: {model.skipped_why[0]}", err=True)
    typer.echo(f"Model {model.id}\nNext: kshot bulk predict {model.id} SOURCE --out predictions.csv")


def _require_ray() -> None:
    if importlib.util.find_spec("ray") is None:
        fail("Ray isn't installed", "It comes with: pip install 'kshot[ray]'")


def _settings(**given: object) -> Settings:
    from app.commands.serve import settings_of

    return settings_of({name: value for name, value in given.items() if value is not None})


@contextmanager
def _errors_in_words() -> Iterator[None]:
    """End the command with what is wrong and how to mend it; at Ctrl-C, with how to go on."""
    from app.bulk.errors import BulkError
    from app.errors import AppError
    from models.errors import KshotError

    try:
        yield
    except (AppError, BulkError) as error:
        fail(error.title, str(error))
    except KshotError as error:
        fail("The job cannot run", str(error))
    except KeyboardInterrupt:
        fail("Stopped", "Run the same command again to go on.")
