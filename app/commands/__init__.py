"""The command line: `kshot serve`, `adapt`, `predict`, `models`, `checkpoints`, `keys`, `train` and `evaluate`.

Nothing heavy is imported before a command runs, so that `kshot --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from app import __version__
from app.commands import keys, serve
from kshot.commands import extensions, models, remote
from kshot.commands.console import HELP_OPTIONS

kshot = typer.Typer(
    name="kshot",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings=HELP_OPTIONS,
)
kshot.command()(serve.serve)
kshot.command()(remote.adapt)
kshot.command()(remote.predict)
kshot.add_typer(models.models)
kshot.command()(remote.checkpoints)
kshot.add_typer(keys.keys)
extensions.register(kshot)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kshot {__version__}")
        raise typer.Exit


@kshot.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """A handful of labelled images in, a classifier adapted to them out, in well under a second.

    Start with `kshot serve`. Then, in another terminal: `kshot adapt FOLDER`, where FOLDER holds one folder
    of images for each class, and `kshot predict MODEL_ID IMAGES…` with the id that it prints.
    """


def main() -> None:
    """The console script."""
    kshot()
