"""The ASGI app that `kshot serve` runs, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import structlog
from anyio import to_thread
from fastapi import Depends, FastAPI
from starlette.middleware.cors import CORSMiddleware

from app import __version__
from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.http import problems
from app.http.admission import Admission
from app.http.forms.form_requests import form_limits
from app.http.middleware.access_log import REQUEST_ID, AccessLogMiddleware
from app.http.middleware.admission import AdmissionMiddleware
from app.http.middleware.authentication import AuthenticationMiddleware
from app.http.middleware.body_deadline import BodyDeadlineMiddleware
from app.http.middleware.body_size import BodySizeMiddleware
from app.http.middleware.content_encoding import ContentEncodingMiddleware
from app.http.middleware.form_integrity import FormIntegrityMiddleware
from app.http.middleware.head import HeadMiddleware
from app.http.middleware.same_origin import SameOriginMiddleware
from app.http.middleware.trailing_slash import TrailingSlashMiddleware
from app.http.middleware.trusted_host import TrustedHostMiddleware
from app.http.openapi import Api
from app.http.query_parameters import refuse_unknown
from app.http.route_templates import RouteTemplates
from app.http.routes import adapt, checkpoints, health, inspect, metrics, page, predict
from app.http.routes.models import collection, export, labelling, shares, versions
from app.observability import tracing
from app.observability.gauges import Gauges
from app.observability.metrics import Metrics
from app.observability.tracing import Tracing
from app.service.housekeeping import Housekeeping
from app.service.service import Service
from app.settings import Settings, listed
from app.store import open_store
from app.tenants.keys import KeyFile
from app.tenants.tenant import TenantLimits

log = structlog.stdlib.get_logger("kshot")
ROUTES = (adapt, predict, inspect, collection, versions, labelling, export, shares, checkpoints)
OTHERS = (health, metrics, page)
"""May be asked with any query: a probe's or a link's says nothing to them."""
CORS: dict[str, Any] = {
    "allow_methods": ["GET", "HEAD", "POST", "PATCH", "DELETE"],
    "allow_headers": ["Authorization", "Content-Type", "Idempotency-Key", REQUEST_ID],
    "allow_private_network": True,  # pages of the internet ask this of a server on this machine
    "expose_headers": ["Location", "Retry-After", "Idempotent-Replayed", REQUEST_ID],
}


def create_app(settings: Settings | None = None) -> FastAPI:
    """Return the ASGI app; nothing is loaded until its lifespan starts.

    Raises pydantic.ValidationError or TracingUnavailable if the environment is wrong.
    """
    settings = settings or Settings()
    app = Api(
        title="kshot",
        version=__version__,
        summary="Upload a few labelled images, get a classifier adapted to them, ask it about new ones.",
        lifespan=_lifespan,
        root_path=settings.root_path,
        docs_url=None,  # ours is in app.http.routes.page
        redoc_url=None,
    )
    _create_parts(app, settings)
    problems.install(app)
    _add_middleware(app, settings)
    for route in ROUTES:
        app.include_router(route.router, dependencies=[Depends(refuse_unknown)])
    for route in OTHERS:
        app.include_router(route.router)
    return app


def _create_parts(app: FastAPI, settings: Settings) -> None:
    """Make what requests share, as attributes of `app.state`."""
    state = app.state
    state.settings = settings
    state.form_limits = form_limits(settings)
    state.keys = KeyFile(settings.keys) if settings.keys else None
    state.metrics = Metrics()
    state.tracing = Tracing() if tracing.wanted() else None
    limits = QueueLimits.of(settings)
    state.engine = Engine(CheckpointRegistry.of(settings), limits, BatchLimits.of(settings), state.metrics)
    state.admission = Admission(limits, state.engine)


def _add_middleware(app: FastAPI, settings: Settings) -> None:
    """Add the middleware, innermost first: a request passes the last one added first."""
    state = app.state
    templates = RouteTemplates([*app.routes, *(route for each in (*ROUTES, *OTHERS) for route in each.router.routes)])
    app.add_middleware(FormIntegrityMiddleware)
    app.add_middleware(ContentEncodingMiddleware, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(BodySizeMiddleware, max_bytes=settings.max_body_bytes, metrics=state.metrics)
    app.add_middleware(BodyDeadlineMiddleware, seconds=settings.upload_seconds)
    app.add_middleware(AdmissionMiddleware, admission=state.admission)
    app.add_middleware(
        AuthenticationMiddleware,
        keys=state.keys,
        limits=TenantLimits.of(settings),
        max_body_bytes=settings.max_body_bytes,
    )
    origins = listed(settings.cors_origins)
    if state.keys is None:  # a page has nobody's key, but from a browser on this machine it needs none
        app.add_middleware(
            SameOriginMiddleware,
            allowed=origins,
            framed=bool(settings.frame_ancestors),
            max_body_bytes=settings.max_body_bytes,
        )
        trusted = [settings.host, *listed(settings.trusted_hosts)]
        app.add_middleware(TrustedHostMiddleware, trusted=trusted, max_body_bytes=settings.max_body_bytes)
    app.add_middleware(HeadMiddleware)
    if state.tracing:
        state.tracing.install(app, templates.of)
    app.add_middleware(AccessLogMiddleware, metrics=state.metrics, templates=templates)
    app.add_middleware(TrailingSlashMiddleware)
    if origins:
        app.add_middleware(CORSMiddleware, allow_origins=origins, **CORS)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Run the service. The port opens at once, while the engine loads the checkpoints.

    Raises CheckpointError, KeysUnavailable or a store's error if it cannot start.
    """
    await _start(app)
    state = app.state
    housekeeping = Housekeeping(state.service.model_library.store, state.settings.sweep_seconds, state.metrics)
    sweeps = asyncio.create_task(housekeeping.run())
    yield
    sweeps.cancel()
    await _stop(app)


async def _start(app: FastAPI) -> None:
    state = app.state
    settings: Settings = state.settings
    engine: Engine = state.engine
    engine.checkpoints.find()
    if state.keys:
        state.keys.read()
    else:
        log.info("no API keys: whoever reaches this server may use it", host=settings.host)
    store = await to_thread.run_sync(open_store, settings)
    observers = [each.phase for each in (state.metrics, state.tracing) if each]
    state.service = Service.of(settings, engine, store, state.metrics, observers)
    state.metrics.registry.register(_gauges(state.service, state.admission))
    engine.start()
    if settings.processes > 1:  # those that are ready have the port for themselves
        await to_thread.run_sync(engine.loaded.wait)


async def _stop(app: FastAPI) -> None:
    """Finish what was accepted."""
    state = app.state
    await to_thread.run_sync(state.engine.close)
    if state.tracing:
        await state.tracing.close()
    await to_thread.run_sync(state.service.close)


def _gauges(service: Service, admission: Admission) -> Gauges:
    """Return the gauges of a service."""
    engine, cache, gauges = service.engine, service.model_library.cache, Gauges()
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
