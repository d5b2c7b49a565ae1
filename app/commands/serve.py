"""`kshot serve`: start the service."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.server.process import restart_with_environment
from kshot.commands.console import fail

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from app.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(envvar="KSHOT_HOST", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(envvar="KSHOT_PORT", help="Port; 0 picks a free one.")] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(envvar="KSHOT_CHECKPOINTS", help="Directory of checkpoints to serve.")
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(envvar="KSHOT_CHECKPOINT", help="Checkpoint of requests that name none.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(envvar="KSHOT_STORE", help="Directory that keeps the adapted models, or s3://bucket/prefix."),
    ] = None,
    device: Annotated[
        str | None, typer.Option(envvar="KSHOT_DEVICE", help="`auto`, `cpu`, `cuda` or `cuda:<index>`.")
    ] = None,
    keys: Annotated[Path | None, typer.Option(envvar="KSHOT_KEYS", help="File of API keys; see `kshot keys`.")] = None,
    allow_anonymous: Annotated[
        bool | None,
        typer.Option(
            "--allow-anonymous", envvar="KSHOT_ALLOW_ANONYMOUS", help="Listen beyond this machine without API keys."
        ),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(envvar="KSHOT_PROCESSES", help="Processes that share the port and the cores.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Load the checkpoints, compile what a first start compiles, and exit.")
    ] = False,
) -> None:
    """Start the service.

    What is not given here is taken from KSHOT_* environment variables, then from defaults; docs/settings.md lists
    all settings. One process is enough, and best on a GPU; on a CPU with many clients take several.

    Examples:
    - `kshot serve`: the shipped checkpoints on http://127.0.0.1:8000, models kept in ./kshot-models

    - `kshot serve --host 0.0.0.0 --keys keys.json --port 8080 --store /var/lib/kshot/models`

    - `KSHOT_MAX_BODY_BYTES=8000000 kshot serve --device cuda:1`

    - `kshot serve --processes 8`: on a CPU of 8 or more cores
    """
    if not check:
        restart_with_environment()  # first of all: it takes 0.3 s of a core now, 1.5 once torch is imported
    options = {
        "host": host,
        "port": port,
        "checkpoints": checkpoints,
        "checkpoint": checkpoint,
        "store": store,
        "device": device,
        "keys": keys,
        "allow_anonymous": allow_anonymous,
        "processes": processes,
    }
    settings = settings_of({name: value for name, value in options.items() if value is not None})
    if check:
        _load(settings)
    else:
        _run(settings)


def settings_of(given: dict[str, object]) -> Settings:
    """Return the settings of options and the environment. Ends the command if they cannot be used."""
    from pydantic import ValidationError

    from app.settings import Settings

    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        fail("The settings cannot be used", "\n".join(map(_in_words, error.errors())))
    if "log_format" not in settings.model_fields_set and sys.stderr.isatty():
        return settings.model_copy(update={"log_format": "console"})
    return settings


def _in_words(wrong: ErrorDetails) -> str:
    own = wrong["type"] == "value_error"  # our own message, which names the value
    said = wrong["msg"].removeprefix("Value error, ") if own else f"{wrong['msg']}, not {wrong['input']!r}"
    return f"KSHOT_{wrong['loc'][0]}".upper() + f": {said}"


def _check(settings: Settings) -> None:
    """Exit with a message if the service could not start, or never become ready."""
    from app.engine.checkpoint_registry import CheckpointRegistry
    from app.observability import tracing
    from app.store import open_store
    from app.tenants.keys import KeyFile
    from models.devices import pick_device
    from models.errors import KshotError

    try:
        CheckpointRegistry.of(settings).find()
        if settings.keys:
            KeyFile(settings.keys).read()
        pick_device(settings.device)
        open_store(settings)
        tracing.wanted()
    except KshotError as error:
        fail("The server cannot start", str(error))


def _load(settings: Settings) -> None:
    """Load what the service would load. The first time on a machine, this compiles for some seconds."""
    from app.engine.checkpoint_registry import CheckpointRegistry
    from models.errors import KshotError

    _check(settings)
    try:
        checkpoints = CheckpointRegistry.of(settings)
        checkpoints.load()
    except KshotError as error:
        fail("The server cannot start", str(error))
    typer.echo(f"Ready to serve {', '.join(checkpoints.learners)}.")


def _run(settings: Settings) -> None:
    from app.server.run import run
    from models.errors import KshotError

    _check(settings)
    try:
        code = run(settings)
    except KshotError as error:
        fail("The server cannot start", str(error))
    raise typer.Exit(code)
