"""Output of the commands: words and tables for a person, or with --json for a program."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeAlias, TypeVar

import typer

from kshot.text import shown

if TYPE_CHECKING:
    from kshot import Client
    from kshot.accuracy import Validation
    from kshot.inspection import Inspection
    from kshot.labelling.evaluation import Evaluation
    from kshot.predictions import PredictAnswer
    from kshot.problem import Problem
    from kshot.types import AdaptAnswer, CheckpointInfo, Model, StepEvent

A = TypeVar("A")
HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}
NEARLY_ALL = 0.95  # of answers right, for a model to be sure enough
PIPE_WIDTH = 200  # columns, so that each row is one line where grep or a file takes the output

ArchiveEncoding: TypeAlias = Annotated[
    str | None, typer.Option(help="The encoding of an archive's names, as cp932, where they don't tell.")
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Url: TypeAlias = Annotated[
    str | None,
    typer.Option("--url", envvar="KSHOT_URL", help="The server; http://127.0.0.1:8000 unless given."),
]


def accept_any_text() -> None:
    """Have stdout and stderr write what their encoding lacks by its number in Unicode, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def connected(url: str | None) -> Iterator[Client]:
    """Yield a client of the server at `url`. Its errors end the command with exit code 1."""
    from kshot import APIError, Client, ClientError

    try:
        with Client(url) as client:
            yield client
    except APIError as error:
        fail(error.problem.title, _with_request(error.problem))
    except ClientError as error:
        fail("The command failed", str(error))


def _with_request(problem: Problem) -> str:
    """Return the detail and, for an error of the server itself, the id that finds the request in its log."""
    at_fault = problem.status >= 500 and problem.request_id
    return f"{problem.detail}\nrequest_id {problem.request_id}" if at_fault else problem.detail


def fail(title: str, detail: str) -> NoReturn:
    """Say on stderr what is wrong and how to mend it, and exit with 1."""
    typer.secho(shown(title), err=True, fg="red", bold=True)
    for line in detail.splitlines():
        typer.echo(shown(line), err=True)
    raise typer.Exit(1)


def show(answer: A, as_json: bool, in_words: Callable[[A], None]) -> None:
    """Print an answer of the server as JSON, or as `in_words` puts it."""
    if as_json:
        from pydantic import TypeAdapter

        typer.echo(TypeAdapter(type(answer)).dump_json(answer, indent=2))
    else:
        in_words(answer)


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a plain table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold")  # an id must stay in one piece
    for row in rows:
        table.add_row(*(shown(str(cell)) for cell in row))
    # Names come from users: don't read markup or emoji codes into them.
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    console.print(table)


def show_adapted(answer: AdaptAnswer) -> None:
    """Print a model that was just made, and what to do next."""
    in_words = _show_classifier if answer.classes else _show_estimator
    in_words(answer)


def _show_classifier(answer: AdaptAnswer) -> None:
    images = sum(answer.shots.values())
    typer.echo(f"Adapted {answer.checkpoint.name} to {len(answer.classes)} classes with {images} images.")
    print_table(["class", "images"], answer.shots.items())
    if answer.validation:
        _show_validation(answer.validation)
    for group in answer.near_copies:
        typer.echo(f"Near copies, which count as one: {', '.join(each.filename for each in group)}.")
    if answer.initialization:
        typer.echo(f"It started at {shares(answer)}.")
    typer.echo(f"It classifies {answer.support_accuracy:.0%} of these images as labelled. The hardest:")
    print_table(
        ["image", "label", "loss"],
        [[each.filename, each.label, f"{each.loss:.3f}"] for each in answer.hardest_images],
    )
    if answer.skipped:
        typer.echo(f"Left out {answer.skipped_count}: {left_out(answer)}")
    typer.echo(f"Model {answer.id}\nNext: kshot predict {answer.id} IMAGES...")


def _show_validation(expected: Validation) -> None:
    """Print what left-out images tell of new ones, and of themselves."""
    typer.echo(f"Of new images it should get about {of_hundred(expected)} right.")
    if expected.confusions:
        taken = [f"{each.label} for {each.taken_for} ({each.images} of {each.of})" for each in expected.confusions[:3]]
        typer.echo(f"While they were left out, images were taken for others': {', '.join(taken)}.")
    for doubt in expected.doubtful:
        typer.echo(f"Look again at {doubt.filename}, labelled {doubt.label}: it looks more like {doubt.taken_for}.")
    fewer = [f"{point.accuracy:.0%} with {point.images}" for point in expected.learning_curve]
    if fewer:
        typer.echo(f"From fewer images of each class, before the steps: {', '.join(fewer)}.")
    if sure := _where_sure(expected):
        typer.echo(sure)


def _show_estimator(answer: AdaptAnswer) -> None:
    """Print a model that estimates numbers."""
    first, last = answer.loss_curve[0], answer.loss_curve[-1]
    typer.echo(f"Adapted {answer.checkpoint.name} in {answer.steps} steps: squared error {first:.4f} → {last:.4f}.")
    typer.echo(f"It explains {answer.support_accuracy:.0%} of the variance of these targets.")
    typer.echo(f"Model {answer.id}\nNext: kshot predict {answer.id} new.csv")


def show_warnings(answer: AdaptAnswer | Evaluation | Inspection | PredictAnswer) -> None:
    """Print to stderr what there is to know about the images."""
    for warning in answer.warnings:
        typer.echo(f"Warning: {shown(warning.detail)}", err=True)


def left_out(model: Model) -> str:
    """Say which files were left out, and why if that was kept."""
    reasons = {each.filename: f" ({each.reason})" for each in model.left_out}
    return ", ".join(name + reasons.get(name, "") for name in model.skipped)


def _where_sure(validation: Validation) -> str:
    """Say from which score on nearly all answers are right, and how many images have one; "" if all or none do."""
    points = [point for point in validation.operating_points if (point.right or 0) >= NEARLY_ALL]
    if not points or points[0].answered == 1:
        return ""
    answered, right = (min(99, round(100 * share)) for share in (points[0].answered, points[0].right or 0))
    return (
        f"{answered} of 100 should have a score of {points[0].min_score} or more; about {right} of 100 of these right."
    )


def of_hundred(validation: Validation) -> str:
    """Say what share is expected; never all, which nobody knows."""
    shares = [validation.accuracy, *(each for each in (validation.low, validation.high) if each is not None)]
    said, *reach = [min(99, round(100 * share)) for share in shares]
    return f"{said} of 100" + (f" (nine times of ten {reach[0]} to {reach[1]})" if len(reach) > 1 else "")


def shares(model: Model) -> str:
    """Say where a model started."""
    return ", ".join(f"{name} {share:.0%}" for name, share in model.initialization.items() if share)


def show_progress(events: Iterable[StepEvent | AdaptAnswer]) -> AdaptAnswer:
    """Show the loss of each step on a terminal's stderr, and return the answer, which is the last event."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from kshot.types import StepEvent

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Adapting", total=None, loss="…")
        for event in events:
            if not isinstance(event, StepEvent):
                return event
            progress.update(bar, completed=event.step, total=event.steps, loss=f"{event.loss:.4f}")
    fail("The answer broke off", "The server sent no answer after the last step: look at its log.")


def show_checkpoints(found: list[CheckpointInfo]) -> None:
    """Print a table of checkpoints."""
    print_table(
        ["name", "default", "network", "takes", "ways", "steps", "initializations", "digest"],
        [
            [
                each.name,
                "yes" if each.default else "",
                each.architecture,
                f"{each.channels}×{each.image_size}×{each.image_size}" if each.image_size else each.takes,
                each.ways or "any",
                each.steps,
                ", ".join(each.initializations),
                each.digest,
            ]
            for each in found
        ],
    )
