"""The server's commands: `kshot serve`, `bulk` and `keys`, which the command line finds by an entry point."""

from __future__ import annotations

import typer

from app.commands import bulk, keys, serve


def register(kshot: typer.Typer) -> None:
    """Add them to `kshot`."""
    kshot.command()(serve.serve)
    kshot.add_typer(bulk.bulk)
    kshot.add_typer(keys.keys)
