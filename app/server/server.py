"""One server: startup, main loop, shutdown."""

from __future__ import annotations

import time
from functools import partial
from socket import socket
from types import FrameType

import structlog
import uvicorn
from anyio import to_thread
from fastapi import FastAPI

from app.engine.engine import Engine
from app.http.admission import Admission
from app.server import process
from app.server.connections import TimeoutProtocol
from app.server.refusals import RefusalPacing
from app.settings import Settings, listed

TICKS_PER_SECOND = 10  # of uvicorn's main loop
MAX_HEAD_BYTES = 64 * 1024  # by default h11 takes 16 of them, and more only of a head that comes in one piece
LAST_SECONDS = 5  # after the drain, for answering and cutting off what outlasts it
log = structlog.stdlib.get_logger("kshot")


class Server(uvicorn.Server):
    """uvicorn's server, which after SIGTERM or Ctrl-C keeps its port open until all accepted requests are answered.

    New ones are told that it drains. The drain takes `settings.drain_seconds` at most, and the process then ends with
    0; a second signal ends it at once, and by that signal. `url` is logged as the address to open, once requests are
    taken.
    """

    def __init__(self, app: FastAPI, settings: Settings, url: str = "") -> None:
        super().__init__(_config(app, settings))
        self.app = app
        self.settings = settings
        self.url = url
        self._settled = False
        self._drained_by = 0.0

    async def on_tick(self, counter: int) -> bool:
        """Do what is due in the main loop, ten times a second; return whether to shut down."""
        engine: Engine = self.app.state.engine
        if not self._settled and engine.ready:
            self._settle()
        if counter % (process.TRIM_SECONDS * TICKS_PER_SECOND) == 0:
            await to_thread.run_sync(process.trim_malloc)
        if self._admission.draining and (not self._admission.inside or time.monotonic() > self._drained_by):
            self.should_exit = True  # and not by uvicorn's handle_exit, after which the process dies of the signal
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Close the port, answer with 503 what outlasted the drain, and end the service."""
        await super().shutdown(sockets)
        log.info("stopped")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain at the first signal; end at once at the second."""
        if self._admission.draining:
            self.force_exit = True
            super().handle_exit(sig, frame)
            return
        log.info("stopping once all requests are answered; Ctrl-C stops at once", requests=self._admission.inside)
        self._admission.drain()
        self._drained_by = time.monotonic() + self.settings.drain_seconds

    @property
    def _admission(self) -> Admission:
        admission: Admission = self.app.state.admission
        return admission

    def _settle(self) -> None:
        """The checkpoints are loaded: they are here to stay."""
        self._settled = True
        process.freeze_garbage_collector()
        if self.url:
            log.info(f"Open {self.url} (its API: {self.url}/docs; Ctrl-C stops the server)")


def _config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        RefusalPacing(app, settings.refusals_per_second),
        http=partial(TimeoutProtocol, body_seconds=settings.upload_seconds),  # type: ignore[arg-type]
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws="none",
        lifespan="on",
        log_config=None,  # app.observability.logs
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=listed(settings.trusted_proxies),
        timeout_graceful_shutdown=LAST_SECONDS,
    )
