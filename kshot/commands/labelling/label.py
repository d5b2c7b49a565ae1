"""`kshot label`: label a folder with a model's help, and sort it."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.commands.console import Url, connected, fail, of_hundred
from kshot.text import shown

if TYPE_CHECKING:
    from kshot.client import Client
    from kshot.commands.labelling.loop import Ask, Labelling, Question
    from kshot.commands.labelling.sorted_files import SortedFile

HELP = "Enter takes the suggestion, a number one of the classes, s leaves the picture out, q stops."


def label(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Pictures, at any depth.")],
    labels: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Take the answers from a CSV with the columns file and label."),
    ] = None,
    enough: Annotated[
        float, typer.Option(min=0, max=1, help="Stop where so many of new pictures are expected right.")
    ] = 0.95,
    together: Annotated[int, typer.Option(min=1, help="Labels between two adaptations.")] = 8,
    out: Annotated[Path | None, typer.Option(help="Copy the pictures into class folders here.")] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write file, label, by whom, score and known.")] = None,
    coco: Annotated[Path | None, typer.Option(help="Write COCO's JSON.")] = None,
    label_studio: Annotated[Path | None, typer.Option(help="Write tasks for Label Studio.")] = None,
    url: Url = None,
) -> None:
    """Label a folder of any number of pictures: it asks for those that teach most, and sorts the rest.

    Examples:
    - `kshot label photos/ --out sorted/`

    - `kshot label photos/ --labels answers.csv --enough 0.9 --csv sorted.csv --label-studio tasks.json`
    """
    from kshot.commands.labelling.loop import Labelling

    paths = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path, folder))
    ask = _from_file(labels, folder) if labels else _in_terminal
    with connected(url) as client:
        labelling = Labelling(client, paths, ask, enough, together)
        for model in labelling.run():
            expected = f"{of_hundred(model.validation)} new ones right" if model.validation else "can't tell yet"
            typer.echo(f"{len(labelling.labels)} labels, {len(model.classes)} classes; expected: {expected}", err=True)
        if labelling.model is None:
            fail("There is no model yet", "Label pictures of two classes at least.")
        files = _sorted(client, labelling)
        model_id = labelling.model.id
    _write(files, model_id, out, csv_file, coco, label_studio)
    suggested = sum(file.score is not None for file in files)
    typer.echo(f"{len(labelling.labels)} labelled by you, {suggested} by the model {model_id}")


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _from_file(labels: Path, folder: Path) -> Ask:
    with labels.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {"file", "label"} <= set(reader.fieldnames or ()):
            raise typer.BadParameter(f"{labels} lacks the columns file and label", param_hint="--labels")
        answers = {row["file"]: row["label"] for row in reader}

    def ask(question: Question, classes: Sequence[str]) -> str | None:  # noqa: ARG001 # an Ask
        names = (str(question.path), question.path.relative_to(folder).as_posix(), question.path.name)
        return next((answers[name] for name in names if answers.get(name)), None)

    return ask


def _in_terminal(question: Question, classes: Sequence[str]) -> str | None:
    from kshot.commands.labelling.loop import Stop

    suggested = question.suggested
    hint = f" [{suggested.label}, {suggested.score:.2f}]" if suggested else ""
    if classes:
        typer.echo("  ".join(f"{number} {shown(each)}" for number, each in enumerate(classes, 1)), err=True)
    else:
        typer.echo(f"Type the class of each picture. {HELP}", err=True)
    while True:
        said = typer.prompt(f"{shown(str(question.path))}{hint}", default="", show_default=False, err=True).strip()
        if said == "q":
            raise Stop
        if said == "s":
            return None
        if said.isdigit() and 1 <= int(said) <= len(classes):
            return classes[int(said) - 1]
        if said or suggested:
            return said or (suggested.label if suggested else None)
        typer.echo(HELP, err=True)


def _sorted(client: Client, labelling: Labelling) -> list[SortedFile]:
    """Return all pictures: with people's labels, or the last model's."""
    from rich.console import Console
    from rich.progress import track

    from kshot.commands.labelling.loop import parts
    from kshot.commands.labelling.sorted_files import SortedFile

    if labelling.model is None:
        return []
    files = {path: SortedFile(path, label) for path, label in labelling.labels.items()}
    console = Console(stderr=True)
    left = list(parts([path for path in labelling.paths if path not in files]))
    for part in track(left, "Sorting", console=console, transient=True, disable=not console.is_terminal):
        answer = client.rank(labelling.model.id, part, top_k=1)
        for each in answer.pictures:
            files[part[each.index]] = SortedFile(part[each.index], each.label, each.score, each.known)
        for error in answer.errors:
            typer.echo(f"Left out: {shown(error.detail)}", err=True)
    return [files.get(path, SortedFile(path, None)) for path in labelling.paths]


def _write(
    files: Sequence[SortedFile],
    model_id: str,
    out: Path | None,
    csv_file: Path | None,
    coco: Path | None,
    label_studio: Path | None,
) -> None:
    from kshot.commands.labelling import sorted_files

    try:
        if out:
            sorted_files.write_folders([file for file in files if file.label], out)
        if csv_file:
            sorted_files.write_csv(files, csv_file)
        if coco:
            sorted_files.write_coco(files, coco)
        if label_studio:
            sorted_files.write_label_studio(files, label_studio, model_id)
    except OSError as error:
        fail("What was sorted could not be written", str(error))
