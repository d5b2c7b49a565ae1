"""Commands that the server's distribution, kshot-server, adds to `kshot`.

An entry point of the group `kshot.commands` names a function that takes the Typer application and adds commands to
it. It is called each time that `kshot` starts, so it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import entry_points

import typer

from kshot.commands.console import fail

GROUP = "kshot.commands"

# What `kshot --help` lists where kshot-server isn't installed: (what it does, the extra that installs it).
SERVER_COMMANDS = {
    "serve": ("Start the service.", "serve"),
    "bulk": ("Classify any number of pictures without a server.", "bulk"),
    "keys": ("Make, list and revoke the API keys of a server.", "serve"),
    "train": ("Meta-train a checkpoint.", "train"),
    "evaluate": ("Measure a checkpoint's few-shot accuracy.", "train"),
    "checkpoint": ("Build a checkpoint with an encoder of your own.", "train"),
    "report": ("Render checkpoints' accuracy as a table.", "train"),
}


def register(parent: typer.Typer) -> None:
    """Add the server's commands, or in their place commands that say how to install them."""
    found = entry_points(group=GROUP)
    for extension in found:
        extension.load()(parent)
    if not found:
        _register_substitutes(parent)


@contextmanager
def missing_modules_explained() -> Iterator[None]:
    """Exit with 1 and say what to install where a command needs a module that isn't there."""
    try:
        yield
    except ModuleNotFoundError as error:
        typer.secho(f"{error.name} isn't installed", err=True, fg="red", bold=True)
        typer.echo(
            "Training, evaluation and reports need: pip install 'kshot[train]'\n"
            "Everything else of a server needs: pip install 'kshot[serve]'",
            err=True,
        )
        raise SystemExit(1) from error


def _register_substitutes(parent: typer.Typer) -> None:
    unread = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    for name, (text, extra) in SERVER_COMMANDS.items():
        described = f"{text} Install it: `pip install 'kshot[{extra}]'`."
        parent.command(name, help=described, context_settings=unread, add_help_option=False)(_explain)


def _explain(context: typer.Context) -> None:
    name = str(context.info_name)
    _, extra = SERVER_COMMANDS[name]
    fail(f"`kshot {name}` isn't installed", f"It comes with the server: pip install 'kshot[{extra}]'")
