"""Without API keys, answer only requests that name a host which is known to be ours: no DNS rebinding."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import HostUntrusted
from app.http.access import PROBES
from app.http.request_body import refuse
from app.http.route_templates import route_path
from app.settings import is_loopback


class TrustedHostMiddleware:
    """ASGI middleware: refuse requests whose Host is neither the loopback nor one of `trusted`; probes aside.

    A page on a name of its own could have that name point to this machine after it was opened, and then read the models
    here as its own. The Host that a browser sends still names the page.
    """

    def __init__(self, app: ASGIApp, trusted: Collection[str], max_body_bytes: int) -> None:
        self.app = app
        self.trusted = {name.lower() for name in trusted}
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and route_path(scope) not in PROBES:
            host = Headers(scope=scope).get("host", "")
            if not self._is_trusted(host):
                await refuse(_untrusted(host), scope, receive, send, self.max_body_bytes)
                return
        await self.app(scope, receive, send)

    def _is_trusted(self, host: str) -> bool:
        name = host_name(host)
        return name in self.trusted or is_loopback(name)


def host_name(host: str) -> str:
    """Return a Host header's name, or its address without brackets, in lower case and without the port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _untrusted(host: str) -> HostUntrusted:
    name = host_name(host)
    asked = f"The request is for the host {name!r:.100}" if name else "The request names no host"
    return HostUntrusted(
        f"{asked}, and without API keys this server answers to localhost alone. Open it as http://localhost, or have "
        f"whoever runs it add the name: KSHOT_TRUSTED_HOSTS={name or 'name'}."
    )
