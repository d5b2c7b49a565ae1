"""`kshot models list`, `show` and `delete`: the adapted models that a running server keeps."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.console import AsJson, Url, connected, print_table, show

if TYPE_CHECKING:
    from app.schemas import Model, ModelSummary

models = typer.Typer(name="models", no_args_is_help=True, help="List, show and delete adapted models.")

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


@models.command("delete")
def delete_models(
    model_ids: Annotated[list[str], typer.Argument(metavar="MODEL_ID...", help="The ids of those to delete.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Delete adapted models, for good."""
    with connected(url) as client:
        for model_id in model_ids:
            client.delete(model_id)
    show(model_ids, as_json, lambda ids: typer.echo(f"Deleted {', '.join(ids)}"))


def _show_list(found: list[ModelSummary]) -> None:
    print_table(
        ["id", "name", "classes", "created (UTC)", "expires (UTC)"],
        [
            [each.id, each.name or "", len(each.classes), _minute(each.created_at), _minute(each.expires_at)]
            for each in found
        ],
    )


def _show_one(model: Model) -> None:
    rows = model.model_dump(mode="json")
    rows["checkpoint"] = f"{model.checkpoint.name} {model.checkpoint.digest}"
    rows["shots"] = ", ".join(f"{label} {count}" for label, count in model.shots.items())
    rows["loss_curve"] = " ".join(f"{loss:.3f}" for loss in model.loss_curve)
    rows["hardest_images"] = ", ".join(f"{each.filename} {each.loss:.3f}" for each in model.hardest_images)
    rows["validation"] = model.validation and f"{model.validation.accuracy:.0%} of new images expected right"
    del rows["classes"]  # they are in `shots`
    print_table(
        ["", model.id],
        [[name, value] for name, value in rows.items() if name != "id" and value not in (None, [])],
    )


def _minute(time: datetime | None) -> str:
    return f"{time:%Y-%m-%d %H:%M}" if time else "never"
