"""Errors of the clients.

ClientError
├── UnsendableError         a file can't be read, or a name can't be sent
│   └── SupportFolderError  the folder given to adapt() is too large
├── ServerUnreachableError  no answer came
└── APIError                the server refused the request and said why
"""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from kshot.problem import Problem


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
