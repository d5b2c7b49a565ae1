"""The one place that turns errors into answers: RFC 9457 problem documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPMethod, HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from app.api.nearest import nearest
from app.errors import AppError, UploadsUnavailable
from app.errors.uploads import MOST_TOLD
from app.http.openapi import COMPONENTS
from kshot.problem import Problem

log = structlog.stdlib.get_logger("kshot")
MEDIA_TYPE = "application/problem+json"
MOST_OF_NAME = 100  # characters of an unknown field's

# Errors that the framework raises: their type and title by status.
FRAMEWORK = {
    400: ("/problems/body-malformed", "The body of the request cannot be read"),
    404: ("/problems/path-unknown", "There is nothing at this path"),
    405: ("/problems/method-not-allowed", "This path does not take this method"),
    408: ("/problems/upload-timeout", "The body of the request took too long to arrive"),
    413: ("/problems/body-too-large", "The body of the request is too large"),
    499: ("/problems/client-gone", "The client closed the connection"),
}
# How messages about a form begin, Starlette's and ours, and what to do about it.
REMEDIES = {
    "Part exceeded": "Send images and archives as files (with curl: -F images=@path).",
    "Too many files": "Send fewer images.",
    "Too many fields": "Send one label for each image, or many texts as a table, and any other field once.",
    "Missing boundary": "Leave the header Content-Type to your HTTP library, which adds the boundary.",
    "The charset": "Send the form in UTF-8.",
    "The body ends": "Send the request again, whole.",
    "The body is JSON": "Send an object whose members are the fields.",
    "There was an error parsing": "Send JSON in UTF-8, or a form as HTTP libraries make it.",
}
MALFORMED = "Send multipart/form-data as HTTP libraries make it (with curl: -F field=value)."
PATHS = "{} {} is not part of this service; /docs lists what is."


class ProblemResponse(JSONResponse):
    """A problem document; the metrics count it when it is sent."""

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem, headers: Mapping[str, str] | None) -> None:
        super().__init__(problem.model_dump(mode="json", exclude_none=True), problem.status, headers)
        self.reason = problem.type.rpartition("/")[2]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        self.count(scope["app"])
        await super().__call__(scope, receive, send)

    def count(self, app: FastAPI) -> None:
        """Count it; for callers that send it in another way."""
        app.state.metrics.rejection(self.reason)


def respond(
    status: int, kind: tuple[str, str], detail: str, headers: Mapping[str, str] | None = None, **members: Any
) -> ProblemResponse:
    """Return a problem of a kind (type and title), with the id of the request that met it."""
    type_, title = kind
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    problem = Problem(type=type_, title=title, status=status, detail=detail, request_id=request_id, **members)
    return ProblemResponse(problem, headers)


def unexpected() -> ProblemResponse:
    """Return the answer to an error of ours. What it was is in the log alone: it may hold users' secrets."""
    detail = "This is a fault of the server. Report the request_id to whoever runs it."
    return respond(500, ("/problems/unexpected", "Something went wrong in the server"), detail)


def refused(error: AppError) -> ProblemResponse:
    """Return the answer to an error that the service raised on purpose."""
    return respond(error.status, (error.type, error.title), error.detail, error.headers, **error.members)


async def _app_error(_: Request, error: AppError) -> ProblemResponse:
    return refused(error)


async def _http_error(request: Request, error: HTTPException) -> ProblemResponse:
    if isinstance(error.__cause__, OSError):  # FastAPI says 400, as if it were the client's fault
        log.error("an upload could not be kept", error=str(error.__cause__))
        return refused(UploadsUnavailable("The server has no room for the upload now. Try again later, or send less."))
    status = error.status_code
    kind = FRAMEWORK.get(status) or ("about:blank", HTTPStatus(status).phrase)
    headers = {"Allow": ", ".join(_methods(request))} if status == HTTPStatus.METHOD_NOT_ALLOWED else error.headers
    return respond(status, kind, _framework_detail(request, error), headers)


def _methods(request: Request) -> list[str]:
    """Return the methods that the path takes. Starlette lists those of the first route alone."""
    scopes = {method.value: {**request.scope, "method": method.value} for method in HTTPMethod}
    routes: Sequence[BaseRoute] = request.app.routes
    found = [each for each, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]
    return [*found, "HEAD"] if "GET" in found else found


def _framework_detail(request: Request, error: HTTPException) -> str:
    if error.status_code in (404, 405):
        return PATHS.format(request.method, request.url.path)
    if error.status_code != 400:
        return str(error.detail)
    remedies = (remedy for beginning, remedy in REMEDIES.items() if error.detail.startswith(beginning))
    return f"{error.detail.rstrip('.')}. {next(remedies, MALFORMED)}"


async def _invalid(request: Request, error: RequestValidationError) -> ProblemResponse:
    fields, found = _fields(request), error.errors()
    faults = [_fault(each, fields) for each in found[:MOST_TOLD]]
    detail = "; ".join(f"{fault['field']}: {fault['detail']}" for fault in faults) + "."
    kind = ("/problems/request-invalid", "A field of the request is not valid")
    first = {name: faults[0][name] for name in ("field", "index") if name in faults[0]}
    return respond(422, kind, detail, errors=faults, errors_count=len(found), **first)


def _fields(request: Request) -> list[str]:
    """Return the fields of the body that the route takes."""
    route = request.scope.get("route")
    models = [each.field_info.annotation for each in route.dependant.body_params] if route else []
    models.append(getattr(request.state, "form", None))
    return [name for model in models for name in getattr(model, "model_fields", ())]


def _fault(error: Mapping[str, Any], fields: Sequence[str]) -> dict[str, Any]:
    """Return one of pydantic's errors, in the words of someone who filled in a form."""
    loc: Sequence[str | int] = error["loc"]
    place = loc[:1] if error["type"] == "json_invalid" else loc[1:] or loc
    fault: dict[str, Any] = {"field": str(place[0])[:MOST_OF_NAME]}
    if len(place) > 1 and isinstance(place[1], int):
        fault["index"] = place[1]
    return fault | {"detail": _remedy(error, fields)}


def _remedy(error: Mapping[str, Any], fields: Sequence[str]) -> str:
    match error["type"]:
        case "missing":
            return "this field is required"
        case "extra_forbidden":
            return nearest("field", str(error["loc"][-1]), fields)
        case "json_invalid":
            return f"it is no JSON: {error['ctx']['error'].lower()} at character {error['loc'][-1]}"
        case "too_long":
            return "send {max_length} characters at most, not {actual_length}".format(**error["ctx"])
        case "model_attributes_type":
            return "send a JSON object, and the header Content-Type: application/json"
        case "value_error" if "UploadFile" in error["msg"]:
            return "send a file, not text (with curl: -F field=@path)"
    given = f", not {error['input']!r:.80}" if isinstance(error["input"], str | int | float) else ""
    return f"{error['msg'][0].lower()}{error['msg'][1:]}{given}"


def install(app: FastAPI) -> None:
    """Have `app` answer every error with a problem document."""
    handlers: dict[Any, Any] = {
        AppError: _app_error,
        HTTPException: _http_error,
        RequestValidationError: _invalid,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's entries for problems with these statuses."""
    schema = {"$ref": f"{COMPONENTS}Problem"}
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": schema}},
        }
        for status in statuses
    }
