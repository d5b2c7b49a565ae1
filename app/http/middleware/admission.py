"""Refuse requests before their bodies are read, where there are too many already or the server drains."""

from __future__ import annotations

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.engine.state import State
from app.errors import NotReady, QueueFull
from app.http import problems
from app.http.access import tenant_of
from app.http.admission import Admission


class AdmissionMiddleware:
    """ASGI middleware: answer 429 or 503 to a POST that Admission has no place for, and read none of its body."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self.app = app
        self.admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it may come in."""
        admission = self.admission
        if scope["type"] != "http" or scope["method"] != "POST":
            await self.app(scope, receive, send)
        elif admission.draining:
            await _draining()(scope, receive, send)
        elif obstacle := admission.obstacle(tenant := tenant_of(Request(scope)).name):
            await _full(obstacle, admission.retry_after)(scope, receive, send)
        else:
            await self._let_in(tenant, scope, receive, send)

    async def _let_in(self, tenant: str, scope: Scope, receive: Receive, send: Send) -> None:
        admission, whole = self.admission, False

        async def counted() -> Message:
            nonlocal whole
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body") and not whole:
                whole = True
                admission.receive(tenant)
            return message

        admission.enter(tenant)
        try:
            await self.app(scope, counted, send)
        finally:
            admission.leave(tenant)
            if whole:
                admission.answer(tenant)


def _full(obstacle: str, retry_after: int) -> problems.ProblemResponse:
    return problems.refused(QueueFull(f"{obstacle} Try again later.", retry_after))


def _draining() -> problems.ProblemResponse:
    headers = {**NotReady.headers, "Connection": "close"}
    return problems.respond(NotReady.status, (NotReady.type, NotReady.title), State.DRAINING.value, headers)
