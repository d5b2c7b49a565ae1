"""Puts the service together: `uvicorn --factory app.main:create_app`, or `kshot serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog
from anyio import to_thread
from fastapi import FastAPI

from app import __version__
from app.engine.checkpoint_loading import find_checkpoints, load_learners
from app.engine.engine import Engine
from app.http import problems
from app.http.form_requests import WholeForm
from app.http.middleware.admission import Admission, Gate
from app.http.middleware.authentication import Access
from app.http.middleware.body_limits import BodyDeadline, BodyLimit
from app.http.openapi import Api
from app.http.route_templates import Templates
from app.http.routes import adapt, checkpoints, export, health, metrics, models, page, predict, versions
from app.observability import logs, tracing
from app.observability.gauges import Gauges
from app.observability.metrics import Metrics
from app.observability.tracing import Tracing
from app.server.tuning import share_lock
from app.service.housekeeping import Housekeeping
from app.service.idempotency import Turns
from app.service.service import Service
from app.settings import MiB, Settings
from app.store import open_store
from app.tenants.keys import KeyFile
from app.tenants.quotas import Quotas
from models.allocator import give_back_freed_memory, keep_freed_memory

log = structlog.stdlib.get_logger("kshot")
ROUTES = (adapt, predict, models, versions, export, checkpoints, health, metrics, page)
TEXT_FIELDS = 20  # those beside the labels, and some to spare


def create_app(settings: Settings | None = None) -> FastAPI:
    """The ASGI app. Raises pydantic.ValidationError or TracingUnavailable if the environment is wrong."""
    keep_freed_memory()  # before there are threads, which else have heaps already
    share_lock()
    settings = settings or Settings()
    logs.configure(settings)
    app = Api(
        title="kshot",
        version=__version__,
        summary="Upload a few labelled images, get a classifier adapted to them, ask it about new ones.",
        lifespan=_lifespan,
        docs_url=None,  # ours is in app.http.routes.page
        redoc_url=None,
        # Twice what we take, so that it is we who say how many are too many.
        form_limits={
            "max_files": 2 * settings.max_images,
            "max_fields": 2 * settings.max_images + TEXT_FIELDS,
            # Of text. A file sent as text should get as far as to be told so, by its field's name.
            "max_part_size": MiB,
        },
    )
    app.state.settings = settings
    app.state.keys = KeyFile(settings.keys) if settings.keys else None
    app.state.quotas = Quotas()
    app.state.turns = Turns()
    app.state.admission = Admission(settings)
    app.state.metrics = Metrics()
    templates = Templates([*app.routes, *(route for each in ROUTES for route in each.router.routes)])
    problems.install(app)
    app.add_middleware(WholeForm)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes, metrics=app.state.metrics)
    app.add_middleware(BodyDeadline, seconds=settings.upload_seconds)
    app.add_middleware(Gate, admission=app.state.admission)
    app.add_middleware(Access, settings=settings, keys=app.state.keys)
    app.state.tracing = Tracing() if tracing.wanted() else None
    if app.state.tracing:
        app.state.tracing.install(app, templates)
    app.add_middleware(logs.AccessLog, metrics=app.state.metrics, templates=templates)
    for route in ROUTES:
        app.include_router(route.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the port at once, while the engine loads. Raises CheckpointError or KeysUnavailable."""
    settings: Settings = app.state.settings
    find_checkpoints(settings)
    if app.state.keys:
        app.state.keys.read()
    else:
        log.info("no API keys: whoever reaches this server may use it", host=settings.host)
    store = await to_thread.run_sync(open_store, settings)
    counts: Metrics = app.state.metrics
    engine = Engine(partial(load_learners, settings), settings, counts)
    traces: Tracing | None = app.state.tracing
    observers = [counts.phase, traces.phase] if traces else [counts.phase]
    app.state.service = Service(settings, engine, store, counts, observers)
    app.state.admission.computing = lambda: engine.computing
    counts.registry.register(Gauges(app.state.service, app.state.admission))
    engine.start()
    if settings.processes > 1:  # those that are ready have the port for themselves
        await to_thread.run_sync(engine.loaded.wait)
    housekeeping = Housekeeping(store, settings.sweep_seconds, counts)
    tasks = [asyncio.create_task(housekeeping.run()), asyncio.create_task(_give_back_memory(settings.sweep_seconds))]
    yield
    for task in tasks:
        task.cancel()
    await to_thread.run_sync(engine.close)
    await to_thread.run_sync(app.state.service.reader.close)
    if traces:
        await traces.close()


async def _give_back_memory(seconds: float) -> None:
    while True:
        await to_thread.run_sync(give_back_freed_memory)
        await asyncio.sleep(seconds)
