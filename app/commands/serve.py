"""`kshot serve`."""

from __future__ import annotations

import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from socket import socket
from typing import TYPE_CHECKING, Annotated

import typer

from kshot.commands.console import fail

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from app.settings import Settings

LAST_SECONDS = 5  # after the drain, to cut off what outlasts it


def serve(
    host: Annotated[str | None, typer.Option(envvar="KSHOT_HOST", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(envvar="KSHOT_PORT", help="Port; 0 picks a free one.")] = None,
    checkpoints: Annotated[
        Path | None, typer.Option(envvar="KSHOT_CHECKPOINTS", help="Directory of checkpoints to serve.")
    ] = None,
    checkpoint: Annotated[
        str | None, typer.Option(envvar="KSHOT_CHECKPOINT", help="The one for requests that name none.")
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
        typer.Option("--allow-anonymous", envvar="KSHOT_ALLOW_ANONYMOUS", help="Listen to all without API keys."),
    ] = None,
    processes: Annotated[
        int | None, typer.Option(envvar="KSHOT_PROCESSES", help="Processes on the port, which share the cores.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Load the checkpoints, compile what a first start compiles, and end.")
    ] = False,
) -> None:
    """Start the service.

    What isn't given comes from KSHOT_* environment variables, then from defaults; app/settings.py lists all
    settings, limits too. One process does it all, and on a GPU does it best; on a CPU with many clients take more.

    Examples:
    - `kshot serve`: the shipped checkpoints on http://127.0.0.1:8000, models kept in ./kshot-models

    - `kshot serve --host 0.0.0.0 --keys keys.json --port 8080 --store /var/lib/kshot/models`

    - `KSHOT_MAX_BODY_BYTES=8000000 kshot serve --device cuda:1`

    - `kshot serve --processes 8`: on a CPU of 8 or more cores
    """
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
    settings = _settings({name: value for name, value in options.items() if value is not None})
    if check:
        _try(settings)
    else:
        _run(settings)


def _settings(given: dict[str, object]) -> Settings:
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
    own = wrong["type"] == "value_error"  # one of ours, which names the value
    said = wrong["msg"].removeprefix("Value error, ") if own else f"{wrong['msg']}, not {wrong['input']!r}"
    return f"KSHOT_{wrong['loc'][0]}".upper() + f": {said}"


def _check(settings: Settings) -> None:
    """Ends the command where the service would end, or never be ready, with a traceback."""
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


def _try(settings: Settings) -> None:
    """Loads what the service would load. On a machine's first time that compiles for some seconds."""
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
    # Idle OpenMP threads that spin take the cores from decoding; read once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    _check(settings)
    if settings.processes == 1:
        _serve(settings)
    else:
        _serve_together(settings)


def _serve_together(settings: Settings) -> None:
    """In processes of their own. Counters of all are kept in files beside one another, for /metrics."""
    with tempfile.TemporaryDirectory() as counters:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counters
        from uvicorn import Config

        from app.observability import logs
        from app.server.processes import Processes, bind

        logs.configure(settings)
        alone = Config("", host=settings.host, port=settings.port, log_config=None).bind_socket()
        port = alone.getsockname()[1]
        alone.close()  # it was free
        with bind(settings.host, port):  # and stays ours while processes come and go
            code = Processes(settings.model_copy(update={"port": port}), _serve).run()
    raise typer.Exit(code)


def _serve(settings: Settings, bound: socket | None = None) -> None:
    """One server, on the port or on a socket that is bound to it."""
    import uvicorn

    from app.main import create_app
    from app.server.connections import TimelyProtocol
    from app.server.draining import DrainingServer

    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=partial(TimelyProtocol, body_seconds=settings.upload_seconds),  # type: ignore[arg-type]
        ws="none",
        log_config=None,  # the service's own, app/observability/logs.py
        access_log=False,
        timeout_graceful_shutdown=LAST_SECONDS,
    )
    DrainingServer(config, app.state.admission, settings.drain_seconds).run([bound] if bound else None)
