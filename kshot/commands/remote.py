"""`kshot adapt`, `kshot predict`, `kshot inspect` and `kshot checkpoints`, which ask a running server."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kshot.commands.console import (
    ArchiveEncoding,
    AsJson,
    Url,
    connected,
    fail,
    print_table,
    show,
    show_adapted,
    show_checkpoints,
    show_progress,
    show_warnings,
)

if TYPE_CHECKING:
    from kshot.inspection import Inspection
    from kshot.predictions import PredictAnswer, Prediction


def adapt(
    support: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER_OR_FILE",
            exists=True,
            help="A folder of images for each class, an archive of them, or a table of texts or vectors (CSV, JSONL).",
        ),
    ],
    checkpoint: Annotated[str | None, typer.Option(help="What to start from; see `kshot checkpoints`.")] = None,
    name: Annotated[str | None, typer.Option(help="A name to know the model by.")] = None,
    steps: Annotated[int | None, typer.Option(help="Gradient steps (k).")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Inner learning rate.")] = None,
    initialization: Annotated[
        str | None, typer.Option(help="Where to start, as glyphs=0.7,graphics=0.2; see `kshot checkpoints`.")
    ] = None,
    class_weights: Annotated[
        Literal["balanced", "frequency"] | None,
        typer.Option(help="Whether classes count alike, or come in the shares of these images."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Kept with the model.")] = None,
    ttl_seconds: Annotated[int | None, typer.Option(help="Delete the model after so many seconds.")] = None,
    keep_images: Annotated[
        bool | None, typer.Option(help="Whether the server keeps the images, for `kshot models edit`.")
    ] = None,
    archive_encoding: ArchiveEncoding = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a classifier from a few images, or texts, of each class.

    Examples:
    - `kshot adapt tests/data/drawings/support`

    - `kshot adapt animals.zip --name animals --steps 10 --ttl-seconds 3600`

    - `kshot adapt animals.zip --json | jq -r .id`

    - `kshot adapt tickets.csv`, a table with the columns text and label

    - `kshot adapt points.csv --checkpoint sine`, a table of numbers, the targets or the label last
    """
    with connected(url) as client:
        events = client.adapt_events(
            support,
            checkpoint=checkpoint,
            name=name,
            steps=steps,
            learning_rate=learning_rate,
            initialization=initialization,
            class_weights=class_weights,
            seed=seed,
            ttl_seconds=ttl_seconds,
            keep_images=keep_images,
            archive_encoding=archive_encoding,
        )
        answer = show_progress(events)
    show_warnings(answer)
    show(answer, as_json, show_adapted)


def predict(
    model_id: Annotated[str, typer.Argument(help="The id that `kshot adapt` printed.")],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES...",
            exists=True,
            dir_okay=False,
            help="Images to classify, or one table of texts or vectors.",
        ),
    ],
    crop: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y,W,H", help="The part of each image, in pixels, or several of a single image; repeat."
        ),
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="How many labels to list for each image.")] = None,
    coverage: Annotated[
        float | None, typer.Option(help="Also list the fewest labels that hold the right one so often, as 0.9.")
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Write pictures of where each image shows its label; 20 at most."
        ),
    ] = None,
    transductive: Annotated[
        bool, typer.Option("--transductive", help="Classify them together: each answer then depends on the others.")
    ] = False,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="Print a line of CSV for each image, text or vector; takes any number of them."),
    ] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Classify images with an adapted model.

    Examples:
    - `kshot predict 019ab2f3c4d5e6f708192a3b4c5d6e7f tests/data/drawings/query/*/*.png`

    - `kshot predict 019ab2f3c4d5e6f708192a3b4c5d6e7f photos/*.jpg --csv > predictions.csv`

    - `kshot predict 019ab2f3c4d5e6f708192a3b4c5d6e7f hat.jpg shoe.jpg --evidence where/`

    - `kshot predict 019ab2f3c4d5e6f708192a3b4c5d6e7f frame.jpg --crop 10,20,200,150 --crop 300,20,180,150`

    - `kshot predict 019ab2f3c4d5e6f708192a3b4c5d6e7f new.csv --csv`, a table with the column text
    """
    from kshot.commands.batches import write_csv
    from kshot.commands.table_rows import write_table
    from kshot.uploads import is_table

    if as_csv and (as_json or transductive or crop or evidence):
        told = "it can't be used with --json, --transductive, --evidence or --crop"
        raise typer.BadParameter(told, param_hint="--csv")
    with connected(url) as client:
        if as_csv:
            table = len(images) == 1 and is_table(images[0])
            if failed := write_table(client, model_id, images[0]) if table else write_csv(client, model_id, images):
                fail("Not everything could be classified", f"See the column `error` in {failed} of the rows.")
            return
        answer = client.predict(
            model_id,
            images,
            crop=crop,
            top_k=top_k,
            coverage=coverage,
            evidence=evidence is not None,
            transductive=transductive,
        )
    if evidence:
        _save_evidence(answer, evidence)
    show_warnings(answer)
    show(answer, as_json, lambda answer: _show_predictions(answer, _named(images, crop or []), top_k or 1))


def inspect(
    support: Annotated[
        Path,
        typer.Argument(metavar="FOLDER_OR_ARCHIVE", exists=True, help="One folder of images for each class."),
    ],
    checkpoint: Annotated[str | None, typer.Option(help="Whose input the pictures are prepared for.")] = None,
    archive_encoding: ArchiveEncoding = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Say what a folder or an archive holds, as `kshot adapt` would read it. Nothing is made or kept.

    Examples:
    - `kshot inspect animals.zip --json | jq .left_out`
    """
    with connected(url) as client:
        # The pictures themselves would fill a terminal; a program gets them.
        found = client.inspect(
            support, checkpoint=checkpoint, archive_encoding=archive_encoding, pictures=None if as_json else False
        )
    show_warnings(found)
    show(found, as_json, _show_inspection)


def checkpoints(url: Url = None, as_json: AsJson = False) -> None:
    """List the checkpoints that the server can adapt."""
    with connected(url) as client:
        found = client.checkpoints()
    show(found, as_json, show_checkpoints)


def _named(images: Sequence[Path], crops: Sequence[str]) -> list[str]:
    """Return what each prediction is of: images, or parts of them."""
    several = [*images] * len(crops) if len(images) == 1 and crops else images
    return [f"{image} {crop}".rstrip() for image, crop in zip_longest(several, crops, fillvalue="")]


def _save_evidence(answer: PredictAnswer, folder: Path) -> None:
    """Write a PNG for each prediction that has evidence, named for its place and image."""
    folder.mkdir(parents=True, exist_ok=True)
    for each in answer.predictions:
        if each.evidence:
            name = f"{each.index + 1:02}-{Path(each.filename).stem}.png"
            (folder / name).write_bytes(each.evidence.picture)


def _show_predictions(answer: PredictAnswer, images: Sequence[str], top: int) -> None:
    if answer.estimates:
        print_table(["example", "values"], [[each.filename, *each.values] for each in answer.estimates])
        return
    rows_of_table = len(images) == 1 < len(answer.predictions)
    print_table(
        ["example", "label", "score", ""],
        [
            [
                each.filename if rows_of_table else images[each.index],
                score.label,
                f"{score.score:.3f}",
                _remark(each),
            ]
            for each in answer.predictions
            for score in each.top[:top]
        ],
    )


def _remark(prediction: Prediction) -> str:
    """Say what there is to say beside the label."""
    remarks = [
        "looks like none" if prediction.known is False else "",
        "below its least score" if prediction.accepted is False else "",
        f"one of {', '.join(prediction.labels)}" if prediction.labels else "",
    ]
    return "; ".join(filter(None, remarks))


def _show_inspection(found: Inspection) -> None:
    print_table(["class", "pictures"], found.shots.items())
    if found.left_out:
        print_table(["left out", "why"], [[each.filename, each.reason] for each in found.left_out])
