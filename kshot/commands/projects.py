"""`kshot project`: open a project that the page saved, or save a model as one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from kshot.commands.console import AsJson, Url, connected, fail, show, show_adapted, show_warnings
from kshot.commands.models import Id

project = typer.Typer(
    name="project", no_args_is_help=True, help="Open and save projects: pictures, classes and settings as one file."
)


@project.command("open")
def open_project(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="A project's zip.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Adapt to the pictures of a project, with its settings. `kshot adapt FILE` takes the pictures alone.

    Examples:
    - `kshot project open Wardrobe.zip`
    """
    with connected(url) as client:
        answer = client.open_project(file)
    show_warnings(answer)
    show(answer, as_json, show_adapted)


@project.command("save")
def save_project(
    model_id: Id,
    file: Annotated[Path, typer.Argument(metavar="FILE", dir_okay=False, help="Where to write it, as Wardrobe.zip.")],
    url: Url = None,
) -> None:
    """Save a model's pictures, as the network saw them, and its classes as a project that the page opens."""
    try:
        with connected(url) as client:
            saved = client.save_project(model_id, file)
    except OSError as error:
        fail("The file could not be written", str(error))
    typer.echo(f"Wrote {file}, {len(saved.pictures)} pictures of {len(saved.classes)} classes")
