"""Who is let in: refuses a request before its body is read, where there are too many already or the server drains."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.engine.engine import State
from app.errors import NotReady, QueueFull
from app.http import problems
from app.settings import Settings
from app.tenants.tenant import tenant_of

LEAST = 8  # requests that are let in at any pace: one batch must come together for the pace to be known
REMEMBERED = 64  # answers
LONGEST_RETRY = 60  # seconds


class Admission:
    """Counts the requests that are being received, decoded or computed, and how fast they are answered.

    `computing` says of how many of each tenant that is computed now. For the event loop's thread alone.
    """

    def __init__(self, settings: Settings, computing: Callable[[], Counter[str]] = Counter) -> None:
        self.settings = settings
        self.computing = computing
        self.draining = False
        self._inside: Counter[str] = Counter()  # of each tenant
        self._received: Counter[str] = Counter()  # of each tenant, as a whole
        self._last = 0.0  # when the server was last given its first work, or answered
        self._intervals: deque[float] = deque(maxlen=REMEMBERED)

    def obstacle(self, tenant: str = "") -> str:
        """Why one more of the tenant would wait too long, or find no place to wait in; "" if it may come in."""
        waiting, places = self._received - self.computing(), min(self.settings.max_requests, self._soon_enough)
        if tenant and self._inside[tenant] >= min(self.settings.max_requests_per_tenant, max(1, places // 2)):
            return f"{self._inside[tenant]} requests of yours are here already."
        if tenant and waiting[tenant] >= self.settings.max_queue_per_tenant:
            return f"{waiting[tenant]} requests of yours are waiting already."
        if waiting.total() >= self.settings.max_queue:
            return f"{waiting.total()} requests are waiting already."
        if self.inside >= places:
            return f"{self.inside} requests are here already, as many as can be answered in time."
        return ""

    @property
    def inside(self) -> int:
        """How many requests have been let in and are not answered."""
        return self._inside.total()

    @property
    def retry_after(self) -> int:
        """Seconds until half of those inside should have been answered."""
        return min(max(1, math.ceil(self.inside / 2 * self._pace)), LONGEST_RETRY)

    def drain(self) -> None:
        """Lets nobody in any more."""
        self.draining = True

    def enter(self, tenant: str = "") -> None:
        """A request is let in."""
        self._inside[tenant] += 1

    def leave(self, tenant: str = "") -> None:
        """It is answered, or given up."""
        self._inside -= Counter([tenant])  # and forgets who has none

    def receive(self, tenant: str = "") -> None:
        """Its body is here as a whole."""
        if not self._received.total():
            self._last = asyncio.get_running_loop().time()
        self._received[tenant] += 1

    def answer(self, tenant: str = "") -> None:
        """One that was here as a whole is answered, or given up."""
        now = asyncio.get_running_loop().time()
        self._received -= Counter([tenant])
        self._intervals.append(now - self._last)
        self._last = now

    @property
    def _soon_enough(self) -> float:
        """How many of them are answered before the last has waited longer than it may."""
        if len(self._intervals) < REMEMBERED:
            return math.inf
        return max(LEAST, self.settings.queue_seconds / self._pace)

    @property
    def _pace(self) -> float:
        """Seconds from one answer to the next, while there is work."""
        return sum(self._intervals) / max(1, len(self._intervals))


class Gate:
    """ASGI middleware: answers 429 or 503 to requests with a body, and reads none of it, as Admission says."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self.app = app
        self.admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, if it is let in."""
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
    detail = f"{obstacle} Try again later."
    headers = {"Retry-After": str(retry_after)}
    return problems.respond(QueueFull.status, (QueueFull.type, QueueFull.title), detail, headers)


def _draining() -> problems.ProblemResponse:
    headers = {**NotReady.headers, "Connection": "close"}
    return problems.respond(NotReady.status, (NotReady.type, NotReady.title), State.DRAINING.value, headers)
