"""`kshot evaluate-model`: how a model does on labelled images that took no part in making it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.commands.console import ArchiveEncoding, AsJson, Url, connected, print_table, show, show_warnings

if TYPE_CHECKING:
    from kshot.labelling.evaluation import Evaluation

MOST_SHOWN = 10  # mistakes, and confusions
WIDEST = 10  # classes of a confusion table that a terminal has room for


def evaluate_model(
    model_id: Annotated[str, typer.Argument(metavar="MODEL_ID", help="The id that `kshot adapt` printed.")],
    test_set: Annotated[
        Path,
        typer.Argument(metavar="FOLDER_OR_ARCHIVE", exists=True, help="One folder of images for each class."),
    ],
    report_unknown: Annotated[
        bool,
        typer.Option("--report-unknown", help="Count images apart whose class the model doesn't have; else they fail."),
    ] = False,
    archive_encoding: ArchiveEncoding = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """See how many labelled images a model gets right. Take images that it was not adapted to. Nothing is kept.

    Examples:
    - `kshot evaluate-model MODEL_ID tests/data/photos/query`

    - `kshot evaluate-model MODEL_ID test.zip --report-unknown --json | jq .accuracy`
    """
    with connected(url) as client:
        found = client.evaluate(
            model_id,
            test_set,
            unknown_labels="report" if report_unknown else None,
            archive_encoding=archive_encoding,
        )
    show_warnings(found)
    show(found, as_json, _show)


def _show(found: Evaluation) -> None:
    typer.echo(
        f"{found.right} of {found.images} images right: {found.accuracy:.1%} "
        f"(of all images like these, {found.low:.1%} to {found.high:.1%} in 95 of 100 cases)."
    )
    if len({each.images for each in found.of_classes}) > 1:
        typer.echo(f"If each class had as many images: {found.balanced_accuracy:.1%}.")
    print_table(
        ["class", "images", "right", "accuracy", "95 %", "precision"],
        [
            [
                each.label,
                each.images,
                each.right,
                f"{each.accuracy:.0%}",
                f"{each.low:.0%} to {each.high:.0%}",
                "" if each.precision is None else f"{each.precision:.0%}",
            ]
            for each in found.of_classes
        ],
    )
    _show_confusion(found)
    if found.mistakes:
        typer.echo("\nThe most confident mistakes; a label may be wrong, too:")
        print_table(
            ["image", "label", "said", "score"],
            [[each.filename, each.label, each.said, f"{each.score:.3f}"] for each in found.mistakes[:MOST_SHOWN]],
        )
    if found.unknown_labels:
        typer.echo("\nNot the model's classes, and not counted above:")
        print_table(
            ["label", "images", "taken for known"],
            [[each.label, each.images, "" if each.known is None else each.known] for each in found.unknown_labels],
        )


def _show_confusion(found: Evaluation) -> None:
    """Print the whole table where it has room, else the most frequent confusions."""
    if len(found.classes) <= WIDEST:
        typer.echo("\nLabelled, in rows, and said:")
        rows = zip(found.classes, found.confusion, strict=True)
        print_table(
            ["", *found.classes], [[label, *(count or "·" for count in row)] for label, row in rows if any(row)]
        )
        return
    pairs = [
        (count, label, other)
        for label, row in zip(found.classes, found.confusion, strict=True)
        for other, count in zip(found.classes, row, strict=True)
        if count and label != other
    ]
    if pairs:
        typer.echo("\nMost often taken for another:")
        most = sorted(pairs, key=lambda pair: -pair[0])[:MOST_SHOWN]
        print_table(["label", "said", "images"], [[label, other, count] for count, label, other in most])
