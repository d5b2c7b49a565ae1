"""Without API keys, refuse what pages of other sites send: a browser sends it for them, from this very machine."""

from __future__ import annotations

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.errors import OriginForeign
from app.http.access import PROBES, is_page, is_shared_page
from app.http.request_body import refuse
from app.http.route_templates import route_path

OWN_SITE = {"same-origin", "none"}
"""Of Sec-Fetch-Site; `none` is somebody who typed the address."""
PORTS = {"http": ":80", "https": ":443"}


class SameOriginMiddleware:
    """ASGI middleware: refuse requests of pages of other origins than this server's own and `allowed` ones.

    A link to a page of ours may be followed from anywhere, and if it is `framed` a page of a shared model may be shown
    in a frame: its policy names the pages that may. Programs send neither Origin nor Sec-Fetch-Site.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str], framed: bool, max_body_bytes: int) -> None:
        self.app = app
        self.allowed = allowed
        self.framed = framed
        self.max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http" and route_path(scope) not in PROBES and not self._is_ours(scope):
            await refuse(_foreign(Headers(scope=scope)), scope, receive, send, self.max_body_bytes)
            return
        await self.app(scope, receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if origin := headers.get("origin"):
            return origin in self.allowed or _is_of(origin, headers.get("host", ""))
        return headers.get("sec-fetch-site", "none") in OWN_SITE or self._opens_a_page(scope, headers)

    def _opens_a_page(self, scope: Scope, headers: Headers) -> bool:
        """Return whether a page of ours is opened in a tab or a frame, where the site around it can't read it."""
        path, into = route_path(scope), headers.get("sec-fetch-dest")
        opens = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        framed = self.framed and into == "iframe" and is_shared_page(path)
        return opens and (framed or (into == "document" and is_page(path)))


def _is_of(origin: str, host: str) -> bool:
    """Return whether a page's origin is this host; a proxy may name the port that a browser leaves out."""
    scheme, _, name = origin.partition("://")
    usual = PORTS.get(scheme, "")
    return name.removesuffix(usual) == host.removesuffix(usual)


def _foreign(headers: Headers) -> OriginForeign:
    origin = headers.get("origin", "")
    asks = f"A page of {origin:.100}" if origin not in ("", "null") else "A page of another site"
    allow = f"KSHOT_CORS_ORIGINS={origin:.100}" if "://" in origin else "KSHOT_CORS_ORIGINS=https://its.address"
    return OriginForeign(
        f"{asks} sent this, and without API keys only this server's own pages may. If it is yours, have whoever runs "
        f"the server allow it: {allow}."
    )
