"""GET / and /docs: the web page and the API reference, and the files they are made of."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parents[2] / "page"
# Nothing from other hosts and nothing inline, so that no name of a picture or class can become a script.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in POLICY.items()),
    "Cache-Control": "no-cache",  # kept, but checked by its ETag: after an upgrade no old file meets a new one
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageFiles(StaticFiles):
    """The page's files, with HEADERS."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Return a file, or 304 if the browser has it."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(HEADERS)
        return response


router = APIRouter(include_in_schema=False)
files = PageFiles(directory=FOLDER)


@router.get("/")
async def page(request: Request) -> Response:
    """Return the page."""
    return await files.get_response("index.html", request.scope)


@router.get("/docs")
async def reference(request: Request) -> Response:
    """Return the API reference; FastAPI's own loads its scripts from another host."""
    return await files.get_response("reference.html", request.scope)


@router.get("/page/{path:path}")
async def part(path: str, request: Request) -> Response:
    """Return a file of the page. A path that leads out of its folder is not found."""
    return await files.get_response(path, request.scope)
