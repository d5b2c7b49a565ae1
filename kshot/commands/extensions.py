"""Commands that other packages add to `kshot`: an entry point of the group `kshot.commands` for each.

So `kshot train`, `evaluate` and `report` come from meta_training, which app never imports, and what they need is
loaded only when they run.
"""

from __future__ import annotations

from importlib.metadata import entry_points

import typer

from kshot.commands.console import HELP_OPTIONS, fail

GROUP = "kshot.commands"
COMMANDS = {
    "train": "Meta-train a checkpoint with Reptile, on many small tasks (`train` extra).",
    "evaluate": "Measure a checkpoint's few-shot accuracy, with confidence intervals (`train` extra).",
    "report": "Render checkpoints' accuracy as a table beside the published (`train` extra).",
}


def register(parent: typer.Typer) -> None:
    """Add a command for each extension, which hands all its arguments on, `--help` too."""
    unread = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
    for name, text in COMMANDS.items():
        parent.command(name, help=text, context_settings=unread, add_help_option=False)(_hand_on)


def _hand_on(context: typer.Context) -> None:
    name = str(context.info_name)
    found = entry_points(group=GROUP, name=name)
    if not found:
        fail(f"`kshot {name}` isn't installed", "Install kshot as a package: pip install 'kshot[train]'")
    command = typer.Typer(
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_show_locals=False,
        context_settings=HELP_OPTIONS,
    )
    try:
        command.command(name)(found[name].load())
        command(context.args, prog_name=f"kshot {name}")
    except ModuleNotFoundError as error:
        fail(
            f"{error.name} isn't installed",
            f"`kshot {name}` needs the train extra: pip install 'kshot[train]'",
        )
