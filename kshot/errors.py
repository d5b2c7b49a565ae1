"""What can go wrong between a client and its server.

ClientError
├── UnsendableError         a file that cannot be read, or a name that cannot be sent
│   └── SupportFolderError  a folder given to adapt() is too large
├── ServerUnreachableError  no answer came
└── APIError                the server refused, and said why
"""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from kshot.problem import Problem


class ClientError(Exception):
    """A call that gave no result; the message says what to do."""


class UnsendableError(ClientError):
    """A file that cannot be read, or a name that cannot be sent."""


class SupportFolderError(UnsendableError):
    """A folder that is no support set: it has too much in it."""


class ServerUnreachableError(ClientError):
    """Nothing at the server's address answers, or it stopped in the middle of an answer."""


class APIError(ClientError):
    """The server's refusal.

    Attributes:
        problem: the RFC 9457 document: `type`, `title`, `status`, `detail`, and `field`, `index` and
            `filename` where they apply.
        retry_after: seconds the server asks to wait before another try, where it says so.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem = problem
        self.retry_after = retry_after


def refusal(response: httpx.Response) -> APIError:
    """The error for an answer that isn't a success."""
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
