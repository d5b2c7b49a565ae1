"""Errors of the clients, and when a call that met one is worth another try.

ClientError
├── UnsendableError         a file can't be read, or a name can't be sent
│   └── SupportFolderError  the folder given to adapt() is too large
├── ServerUnreachableError  no answer came
└── APIError                the server refused the request and said why
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

import httpx
from pydantic import ValidationError

from kshot.problem import Problem

BUSY = {429, 503}
BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)  # not a time-out: the caller chose how long to wait
LONGEST_WAIT = 10  # seconds; if the server asks for more, the caller decides
FIRST_PAUSE = 0.25  # seconds, about; each later pause is twice as long

Retried: TypeAlias = Literal["never", "when busy", "when lost"]
"""When a call is tried again. `when lost`: after a broken connection too, for calls with an Idempotency-Key."""


class ClientError(Exception):
    """A call failed; the message says what to do."""


class UnsendableError(ClientError):
    """A file can't be read, or a name can't be sent."""


class SupportFolderError(UnsendableError):
    """A folder holds too much to be a support set."""


class ServerUnreachableError(ClientError):
    """Nothing answers at the server's address, or the answer broke off."""


class APIError(ClientError):
    """The server refused the request.

    Attributes:
        problem: the RFC 9457 document: `type`, `title`, `status`, `detail`, and `field`, `index` and
            `filename` where they apply.
        retry_after: seconds to wait before another try, if the server says so.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem = problem
        self.retry_after = retry_after


def refusal(response: httpx.Response) -> APIError:
    """Return the error for an answer that isn't a success."""
    seconds = response.headers.get("retry-after", "")
    return APIError(_problem(response), float(seconds) if seconds.isdecimal() else None)


def _problem(response: httpx.Response) -> Problem:
    try:
        return Problem.model_validate_json(response.content)
    except ValidationError:  # a proxy's page, or another service on this port
        return Problem(
            type="about:blank",
            title="Not an answer of kshot",
            status=response.status_code,
            detail=f"{response.request.url} answered {response.status_code}, but not as this version of kshot does: "
            "check KSHOT_URL, the server's version and whatever stands between.",
        )


@contextmanager
def reaching(url: httpx.URL) -> Iterator[None]:
    """Turn errors of httpx and of reading files into ClientErrors that say what to do."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise ServerUnreachableError(
            f"No kshot server answers at {url} ({error}): start one with `kshot serve`, or set KSHOT_URL."
        ) from error
    except httpx.RequestError as error:
        raise ServerUnreachableError(
            f"The server at {url} gave no answer ({type(error).__name__}): try again, and look at its log."
        ) from error
    except UnicodeEncodeError as error:
        raise UnsendableError(f"{error.object!r:.200} is no valid Unicode: give it another name.") from error
    except (OSError, httpx.InvalidURL) as error:
        raise UnsendableError(str(error)) from error


class Tries:
    """The tries of one call after the first."""

    def __init__(self, most: int, retried: Retried) -> None:
        self._most = 0 if retried == "never" else most
        self._retried = retried
        self._taken = 0

    def pause(self, error: ClientError) -> float:
        """Return the seconds until the next try. Raises `error` if there is to be none."""
        seconds = self._seconds(error)
        if seconds is None or self._taken >= self._most:
            raise error
        self._taken += 1
        return seconds

    def _seconds(self, error: ClientError) -> float | None:
        """Return None if another try wouldn't help, or might do twice what should be done once."""
        if isinstance(error, APIError) and error.problem.status in BUSY and error.retry_after is not None:
            return error.retry_after if error.retry_after <= LONGEST_WAIT else None
        lost = isinstance(error, ServerUnreachableError) and isinstance(error.__cause__, BROKEN)
        return _pause(self._taken) if lost and self._retried == "when lost" else None


def _pause(taken: int) -> float:
    """Return a random pause, doubled for each try taken, so that clients don't all come back at once."""
    return math.ldexp(FIRST_PAUSE, taken) * random.uniform(0.5, 1)  # noqa: S311
