"""The service on Ray Serve: replicas over one store, which Ray starts, watches and scales. See deploy/ray.py."""

import os
from pathlib import Path
from uuid import uuid4

from anyio import to_thread
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt
from ray import serve
from ray.serve import metrics

from app.engine.engine import Engine
from app.main import create_app
from app.observability import logs
from app.server import process
from app.server.server import LAST_SECONDS
from app.settings import Settings
from app.store import open_store
from models.atomic_file import replace_file
from models.errors import KshotError

# Without `from __future__ import annotations`: Ray reads those of `app`, and doesn't resolve text.

HEALTH_SECONDS = 5
MARK = ".shared"
"""A file in a store's folder, by which a replica knows that it is the folder of the others."""


class StoreNotShared(KshotError):
    """Replicas would not see one another's models."""


class Scale(BaseModel):
    """How many replicas there are, and what each has: name=value after `serve run`, or `args` in a config of Serve."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_replicas: PositiveInt = Field(1, description="Replicas when there is nothing to do.")
    max_replicas: PositiveInt = Field(4, description="Replicas at most.")
    ongoing_requests: PositiveFloat = Field(8, description="Of a replica; Ray starts more when there are more.")
    upscale_delay_s: float = Field(10, ge=0, description="How long there must be more before it does.")
    downscale_delay_s: float = Field(300, ge=0, description="How long there must be fewer before one ends.")
    cpus: PositiveFloat = Field(1, description="Cores of a replica.")
    gpus: float = Field(0, ge=0, description="GPUs of a replica; may be a part of one.")


def app(scale: Scale) -> serve.Application:
    """Return the application, by the KSHOT_* variables of this process.

    Raises pydantic.ValidationError, StoreNotShared or StoreUnavailable.
    """
    # Where Ray's proxies and replicas listen isn't known here: without API keys, KSHOT_ALLOW_ANONYMOUS has to say so.
    settings = Settings(host="0.0.0.0")  # noqa: S104
    if settings.threads is None:
        settings = settings.model_copy(update={"threads": max(1, round(scale.cpus))})
    variables = {name: os.environ.get(name, value) for name, value in process.ENVIRONMENT.items()}
    deployment = serve.deployment(
        serve.ingress()(Replica),
        name="kshot",
        ray_actor_options={"num_cpus": scale.cpus, "num_gpus": scale.gpus, "runtime_env": {"env_vars": variables}},
        # More than a replica takes: what is too much it refuses itself, with 429 and Retry-After.
        max_ongoing_requests=2 * settings.max_requests,
        autoscaling_config={
            "min_replicas": scale.min_replicas,
            "max_replicas": scale.max_replicas,
            "target_ongoing_requests": scale.ongoing_requests,
            "upscale_delay_s": scale.upscale_delay_s,
            "downscale_delay_s": scale.downscale_delay_s,
        },
        health_check_period_s=HEALTH_SECONDS,
        graceful_shutdown_wait_loop_s=1,
        graceful_shutdown_timeout_s=settings.drain_seconds + LAST_SECONDS,
    )
    return deployment.bind(settings, shared(settings))


class Replica:
    """One server of several, with an engine of its own, in a process that Ray started for it."""

    def __init__(self, settings: Settings, mark: str) -> None:
        """Raise StoreNotShared where the store isn't the one that has this mark."""
        logs.configure(settings)
        process.shorten_switch_interval()
        process.quiet_pillow()
        if mark and _mark_in(settings) != mark:
            raise StoreNotShared(
                f"The folder {settings.store} on this machine is not the one that the application was started with. "
                "Mount the same folder on every node that may have a replica, or set KSHOT_STORE to s3://bucket/prefix."
            )
        self._service = create_app(settings)
        self._depth = metrics.Gauge("kshot_queue_depth", "Requests that wait for the engine.")

    def __serve_build_asgi_app__(self) -> FastAPI:  # Ray's name
        """Return what answers; Ray runs its lifespan, and ends it when all requests are answered."""
        return self._service

    async def check_health(self) -> None:
        """Raise NotReady unless requests are taken. Ray sends none before this has returned for the first time."""
        engine: Engine = self._service.state.engine
        await to_thread.run_sync(engine.loaded.wait)
        engine.require_ready()
        self._depth.set(engine.depth)


def shared(settings: Settings) -> str:
    """Return the mark of the store's folder, which it gets if it has none; "" for a bucket.

    Raises StoreNotShared for a folder that nobody said is shared, and StoreUnavailable.
    """
    if "://" not in settings.store and not Path(settings.store).is_absolute():
        raise StoreNotShared(
            f"KSHOT_STORE is {settings.store}, which each replica would take for a folder of its own. Set it to "
            "s3://bucket/prefix, or to the absolute path of a folder that every node mounts."
        )
    open_store(settings)
    return "" if "://" in settings.store else _mark_in(settings) or _make_mark(settings)


def _mark_in(settings: Settings) -> str:
    path = Path(settings.store) / MARK
    return path.read_text() if path.exists() else ""


def _make_mark(settings: Settings) -> str:
    mark = uuid4().hex
    replace_file(Path(settings.store) / MARK, mark.encode())
    return mark
