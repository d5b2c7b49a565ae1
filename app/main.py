"""Puts the service together: `uvicorn --factory app.main:create_app`, or `kshot serve`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from anyio import to_thread
from fastapi import FastAPI

from app import __version__
from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.http import problems
from app.http.admission import Admission
from app.http.middleware.access_log import AccessLogMiddleware
from app.http.middleware.admission import AdmissionMiddleware
from app.http.middleware.authentication import AuthenticationMiddleware
from app.http.middleware.body_deadline import BodyDeadlineMiddleware
from app.http.middleware.body_size import BodySizeMiddleware
from app.http.middleware.form_integrity import FormIntegrityMiddleware
from app.http.openapi import Api
from app.http.route_templates import RouteTemplates
from app.http.routes import adapt, checkpoints, export, health, metrics, models, page, predict, versions
from app.observability import logs, tracing
from app.observability.gauges import Gauges
from app.observability.metrics import Metrics
from app.observability.tracing import Tracing
from app.server.tuning import share_lock
from app.service.housekeeping import Housekeeping
from app.service.service import Service
from app.settings import MiB, Settings
from app.store import open_store
from app.tenants.keys import KeyFile
from app.tenants.tenant import TenantLimits
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
    app.state.metrics = Metrics()
    app.state.engine = Engine(
        CheckpointRegistry.of(settings), QueueLimits.of(settings), BatchLimits.of(settings), app.state.metrics
    )
    app.state.admission = Admission(QueueLimits.of(settings), app.state.engine)
    templates = RouteTemplates([*app.routes, *(route for each in ROUTES for route in each.router.routes)])
    problems.install(app)
    app.add_middleware(FormIntegrityMiddleware)
    app.add_middleware(BodySizeMiddleware, max_bytes=settings.max_body_bytes, metrics=app.state.metrics)
    app.add_middleware(BodyDeadlineMiddleware, seconds=settings.upload_seconds)
    app.add_middleware(AdmissionMiddleware, admission=app.state.admission)
    app.add_middleware(
        AuthenticationMiddleware,
        keys=app.state.keys,
        limits=TenantLimits.of(settings),
        max_body_bytes=settings.max_body_bytes,
    )
    app.state.tracing = Tracing() if tracing.wanted() else None
    if app.state.tracing:
        app.state.tracing.install(app, templates.of)
    app.add_middleware(AccessLogMiddleware, metrics=app.state.metrics, templates=templates)
    for route in ROUTES:
        app.include_router(route.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Opens the port at once, while the engine loads. Raises CheckpointError or KeysUnavailable."""
    settings: Settings = app.state.settings
    engine: Engine = app.state.engine
    engine.checkpoints.find()
    if app.state.keys:
        app.state.keys.read()
    else:
        log.info("no API keys: whoever reaches this server may use it", host=settings.host)
    store = await to_thread.run_sync(open_store, settings)
    counts: Metrics = app.state.metrics
    traces: Tracing | None = app.state.tracing
    observers = [counts.phase, traces.phase] if traces else [counts.phase]
    app.state.service = Service.of(settings, engine, store, counts, observers)
    counts.registry.register(_gauges(app.state.service, app.state.admission))
    engine.start()
    if settings.processes > 1:  # those that are ready have the port for themselves
        await to_thread.run_sync(engine.loaded.wait)
    housekeeping = Housekeeping(store, settings.sweep_seconds, counts)
    tasks = [asyncio.create_task(housekeeping.run()), asyncio.create_task(_give_back_memory(settings.sweep_seconds))]
    yield
    for task in tasks:
        task.cancel()
    await to_thread.run_sync(engine.close)
    await to_thread.run_sync(app.state.service.close)
    if traces:
        await traces.close()


def _gauges(service: Service, admission: Admission) -> Gauges:
    """Return the gauges of a service."""
    engine, cache, gauges = service.engine, service.library.cache, Gauges()
    gauges.add_info("build", "What runs.", lambda: [{"version": __version__}])
    gauges.add("ready", "Whether requests are taken, as /readyz says.", lambda: engine.ready and not admission.draining)
    gauges.add("requests_inside", "Requests being received, decoded or computed.", lambda: admission.inside)
    gauges.add("queue_depth", "Requests that wait for the engine.", lambda: engine.depth)
    gauges.add("cache_models", "Models in memory.", lambda: len(cache))
    gauges.add("cache_bytes", "Bytes of their tensors.", lambda: cache.bytes)
    gauges.add("cache_max_bytes", "Bytes beyond which the least recently used leave.", lambda: cache.max_bytes)
    gauges.add_info("checkpoint", "A checkpoint that is loaded.", engine.checkpoints.digests)
    about = "Memory of a GPU that tensors take."
    gauges.add_by_label("device_memory_bytes", about, "device", engine.checkpoints.device_memory)
    return gauges


async def _give_back_memory(seconds: float) -> None:
    while True:
        await to_thread.run_sync(give_back_freed_memory)
        await asyncio.sleep(seconds)
