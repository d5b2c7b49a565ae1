"""From settings to a running server, or several."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from ipaddress import ip_address

from app.main import create_app
from app.observability import logs
from app.server import process, sockets
from app.server.compatibility import check_uvicorn
from app.server.server import Server
from app.server.supervisor import Supervisor
from app.settings import Settings


def run(settings: Settings) -> int:
    """Serve until a signal ends it; return the exit code. Raises PortUnavailable or UvicornIncompatible."""
    check_uvicorn()
    if settings.processes > 1:
        return _run_several(settings)
    serve(settings)
    return 0


def serve(settings: Settings, announce: bool = True) -> None:
    """Run one server in this process. `announce` has it log the address to open. Raises PortUnavailable."""
    logs.configure(settings)
    process.shorten_switch_interval()
    process.quiet_pillow()
    bound = sockets.bind(settings.host, settings.port, shared=settings.processes > 1)
    url = _url(settings.host, sockets.port_of(bound)) if announce else ""
    Server(create_app(settings), settings, url).run(bound)


def _run_several(settings: Settings) -> int:
    """Keep the port while processes come and go, and their counters in files beside one another, for /metrics."""
    logs.configure(settings)
    with ExitStack() as stack:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = stack.enter_context(tempfile.TemporaryDirectory())
        port = sockets.free_port(settings.host, settings.port)
        for each in sockets.bind(settings.host, port, shared=True):
            stack.enter_context(each)
        return Supervisor(settings.model_copy(update={"port": port}), serve).run()


def _url(host: str, port: int) -> str:
    """Return the address for a browser on this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return f"http://{host}:{port}"
    if address.is_unspecified:  # all addresses of the machine
        return f"http://127.0.0.1:{port}"
    return f"http://[{host}]:{port}" if address.version == 6 else f"http://{host}:{port}"
