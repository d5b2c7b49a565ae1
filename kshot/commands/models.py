"""`kshot models`: list, show, edit, rename, export and delete the adapted models of a running server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.commands.console import (
    ArchiveEncoding,
    AsJson,
    Url,
    connected,
    fail,
    left_out,
    of_hundred,
    print_table,
    shares,
    show,
    show_adapted,
    show_warnings,
)

if TYPE_CHECKING:
    from kshot.types import ExportFormat, Model, ModelSummary, SupportImage

models = typer.Typer(name="models", no_args_is_help=True, help="List, show, edit, export and delete adapted models.")

Id = Annotated[str, typer.Argument(metavar="MODEL_ID", help="The id that `kshot adapt` printed.")]


@models.command("list")
def list_models(url: Url = None, as_json: AsJson = False) -> None:
    """List the adapted models, newest first."""
    with connected(url) as client:
        found = list(client.models())
    show(found, as_json, _show_list)


@models.command("show")
def show_model(model_id: Id, url: Url = None, as_json: AsJson = False) -> None:
    """Show one adapted model and how it came about."""
    with connected(url) as client:
        found = client.model(model_id)
    show(found, as_json, _show_one)


@models.command("images")
def list_images(model_id: Id, url: Url = None, as_json: AsJson = False) -> None:
    """List the images a model was adapted to, with the numbers that `edit --remove` takes."""
    with connected(url) as client:
        found = client.images(model_id)
    show(found, as_json, _show_images)


@models.command("edit")
def edit_model(
    model_id: Id,
    add: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER_OR_ARCHIVE", exists=True, help="Images to add: a folder of them for each class."),
    ] = None,
    remove: Annotated[list[int] | None, typer.Option(help="An image to leave out; see `kshot models images`.")] = None,
    remove_class: Annotated[list[str] | None, typer.Option(help="A class to leave out.")] = None,
    name: Annotated[str | None, typer.Option(help="Another name for the new version.")] = None,
    steps: Annotated[int | None, typer.Option(help="Another number of gradient steps.")] = None,
    ttl_seconds: Annotated[int | None, typer.Option(help="Delete the new version after so many seconds.")] = None,
    archive_encoding: ArchiveEncoding = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a new version of a model from its images, less some and with others. The model itself stays.

    Examples:
    - `kshot models edit MODEL_ID --add more/`

    - `kshot models edit MODEL_ID --remove 7 --remove 12 --remove-class hat`
    """
    with connected(url) as client:
        answer = client.revise(
            model_id,
            add or (),
            remove=remove or (),
            remove_class=remove_class or (),
            name=name,
            steps=steps,
            ttl_seconds=ttl_seconds,
            archive_encoding=archive_encoding,
        )
    show_warnings(answer)
    show(answer, as_json, show_adapted)


@models.command("rename")
def rename_model(
    model_id: Id,
    name: Annotated[str | None, typer.Option(help="The model's new name.")] = None,
    classes: Annotated[
        list[str] | None, typer.Option("--class", metavar="OLD=NEW", help="A class's old and new name.")
    ] = None,
    min_score: Annotated[
        list[str] | None,
        typer.Option(metavar="CLASS=SCORE", help="The least score from which a label is accepted; CLASS= for none."),
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Rename a model or its classes, or set least scores, at once: nothing is adapted anew.

    Examples:
    - `kshot models rename MODEL_ID --name clothes --class t-shirt=shirt`

    - `kshot models rename MODEL_ID --min-score hat=0.8`
    """
    pairs = dict(_renaming(each) for each in classes or [])
    least = dict(_least_score(each) for each in min_score or [])
    with connected(url) as client:
        model = client.rename(model_id, name=name, classes=pairs, min_scores=least)
    show(model, as_json, _show_one)


@models.command("export")
def export_model(
    model_id: Id,
    output: Annotated[
        Path, typer.Option("--output", "-o", dir_okay=False, help="The file to write: .onnx or .safetensors.")
    ],
    url: Url = None,
) -> None:
    """Write a model to one file that runs without kshot; `examples/run_onnx.py` shows how.

    Beside an ONNX file it writes a JSON with the labels and the way to prepare a picture, for runtimes that don't read
    the file's own metadata, such as onnxruntime-web.

    Example:
    - `kshot models export MODEL_ID -o clothes.onnx`: clothes.onnx and clothes.onnx.json
    """
    forms: dict[str, ExportFormat] = {".onnx": "onnx", ".safetensors": "safetensors"}
    form = forms.get(output.suffix)
    if form is None:
        raise typer.BadParameter(f"{output.name!r} ends neither in .onnx nor in .safetensors", param_hint="--output")
    with connected(url) as client:
        files = {output: client.export(model_id, form)}
        if form == "onnx":
            files[output.with_name(f"{output.name}.json")] = client.export(model_id, "json")
    try:
        for path, content in files.items():
            path.write_bytes(content)
            typer.echo(f"Wrote {path}, {len(content) / 1e6:.1f} MB")
    except OSError as error:
        fail("The file could not be written", str(error))


@models.command("delete")
def delete_models(
    model_ids: Annotated[
        list[str] | None, typer.Argument(metavar="MODEL_ID...", help="The ids of the models to delete.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All models that there are.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask before all are deleted.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Delete adapted models, for good."""
    if everything == bool(model_ids):
        raise typer.BadParameter("name the models to delete, or give --all", param_hint="MODEL_ID...")
    with connected(url) as client:
        if everything:
            yes or typer.confirm("Delete all models, with their images?", abort=True, err=True)
            show(client.delete_all(), as_json, lambda count: typer.echo(f"Deleted {count} models"))
            return
        deleted: list[str] = []
        try:
            for model_id in model_ids or ():
                client.delete(model_id)
                deleted.append(model_id)
        finally:  # what is gone is said, also where one can't be deleted
            if deleted:
                show(deleted, as_json, lambda ids: typer.echo(f"Deleted {', '.join(ids)}"))


def _show_list(found: list[ModelSummary]) -> None:
    print_table(
        ["id", "name", "classes", "created (UTC)", "expires (UTC)"],
        [
            [each.id, each.name or "", len(each.classes), minute(each.created_at), minute(each.expires_at)]
            for each in found
        ],
    )


def _renaming(pair: str) -> tuple[str, str]:
    old, equals, new = pair.partition("=")
    if not equals:
        raise typer.BadParameter(f"{pair!r} is no OLD=NEW", param_hint="--class")
    return old, new


def _least_score(pair: str) -> tuple[str, float | None]:
    label, equals, score = pair.rpartition("=")
    try:
        least = float(score) if score else None
    except ValueError:
        equals = ""
    if not equals:
        raise typer.BadParameter(f"{pair!r} is no CLASS=SCORE, as in hat=0.8", param_hint="--min-score")
    return label, least


def _show_images(found: list[SupportImage]) -> None:
    print_table(["image", "label", "file"], [[each.index, each.label, each.filename] for each in found])


def _show_one(model: Model) -> None:
    rows = model.model_dump(mode="json")
    rows["checkpoint"] = f"{model.checkpoint.name} {model.checkpoint.digest}"
    rows["min_scores"] = ", ".join(f"{label} {score}" for label, score in model.min_scores.items())
    rows["near_copies"] = "; ".join(", ".join(each.filename for each in group) for group in model.near_copies)
    rows["shots"] = ", ".join(f"{label} {count}" for label, count in model.shots.items())
    rows["initialization"] = shares(model) or None
    rows["loss_curve"] = " ".join(f"{loss:.3f}" for loss in model.loss_curve)
    rows["hardest_images"] = ", ".join(f"{each.filename} {each.loss:.3f}" for each in model.hardest_images)
    rows["validation"] = model.validation and f"{of_hundred(model.validation)} new images expected right"
    rows["left_out"] = left_out(model)
    rows["warnings"] = " ".join(each.detail for each in model.warnings)
    del rows["classes"], rows["skipped"]  # they are in `shots` and `left_out`
    print_table(
        ["", model.id],
        [[name, value] for name, value in rows.items() if name != "id" and value not in (None, [], "")],
    )


def minute(time: datetime | None) -> str:
    """Return a time to the minute, or "never"."""
    return f"{time:%Y-%m-%d %H:%M}" if time else "never"
