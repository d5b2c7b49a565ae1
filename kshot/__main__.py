"""The command line `kshot`, also as `python -m kshot`.

Nothing heavy is imported before a command runs, so that `kshot --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from kshot import __version__
from kshot.commands import evaluation, extensions, models, projects, remote, shares
from kshot.commands.console import HELP_OPTIONS, accept_any_text
from kshot.commands.labelling.label import label


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kshot {__version__}")
        raise typer.Exit


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


def command_line() -> typer.Typer:
    """Return the commands of this package and, where kshot-server is installed, the server's."""
    kshot = typer.Typer(
        name="kshot",
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_show_locals=False,
        context_settings=HELP_OPTIONS,
    )
    kshot.callback()(about)
    kshot.command()(remote.adapt)
    kshot.command()(remote.predict)
    kshot.command()(remote.inspect)
    kshot.command()(evaluation.evaluate_model)
    kshot.command()(label)
    models.models.add_typer(shares.shares)
    kshot.add_typer(models.models)
    kshot.add_typer(projects.project)
    kshot.command()(remote.checkpoints)
    extensions.register(kshot)
    return kshot


def main() -> None:
    """Run the console script."""
    accept_any_text()
    with extensions.missing_modules_explained():
        command_line()(prog_name="kshot")


if __name__ == "__main__":
    main()
