"""What this server takes of uvicorn beyond what uvicorn documents, checked before the server starts."""

from __future__ import annotations

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from models.errors import KshotError

VERSIONS = "uvicorn>=0.32,<0.60"  # as in pyproject.toml
METHODS = {
    H11Protocol: {"connection_made", "data_received", "connection_lost"},
    uvicorn.Server: {"handle_exit", "on_tick", "shutdown"},
}
ATTRIBUTES = {
    H11Protocol: {"conn", "cycle", "loop", "timeout_keep_alive", "transport"},
    RequestResponseCycle: {"response_complete"},
    uvicorn.Server: {"force_exit", "should_exit"},
}


class UvicornIncompatible(KshotError):
    """The uvicorn that is installed lacks what the server needs."""


def check_uvicorn() -> None:
    """Raise UvicornIncompatible if a name is gone."""
    gone = [f"{part.__name__}.{name}" for part, names in METHODS.items() for name in names - vars(part).keys()]
    for part, names in ATTRIBUTES.items():
        gone += [f"{part.__name__}.{name}" for name in names - set(part.__init__.__code__.co_names)]  # type: ignore[misc]
    if gone:
        detail = f"uvicorn {uvicorn.__version__} has no {', '.join(sorted(gone))}: pip install '{VERSIONS}'"
        raise UvicornIncompatible(detail)
