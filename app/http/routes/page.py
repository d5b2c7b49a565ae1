"""GET /, /m/{id} and /docs: the web page, that of a shared model, the API reference, and the files they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

from app.http.languages import chosen, translated
from app.settings import listed

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
    "require-trusted-types-for": "'script'",
}


def headers(framed_by: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers of a page; those of the origins `framed_by` may show it in a frame."""
    policy = {**POLICY, "frame-ancestors": " ".join(framed_by) or "'none'"}
    return {
        "Content-Security-Policy": "; ".join(f"{directive} {sources}" for directive, sources in policy.items()),
        "Cache-Control": "no-cache",  # kept, but checked by its ETag: after an upgrade no old file meets a new one
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }


class PageFiles(StaticFiles):
    """The page's files, with the headers of pages."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Return a file, or 304 if the browser has it."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers.update(headers())
        return response


router = APIRouter(include_in_schema=False)
files = PageFiles(directory=FOLDER)


@router.get("/")
async def page(request: Request) -> Response:
    """Return the page."""
    return _translated("index.html", request, headers())


@router.get("/m/{model_id}")
async def shared(request: Request) -> Response:
    """Return the page that asks a shared model; the token is behind the # of its address, which is never sent."""
    return _translated("shared.html", request, headers(listed(request.app.state.settings.frame_ancestors)))


@router.get("/docs")
async def reference(request: Request) -> Response:
    """Return the API reference; FastAPI's own loads its scripts from another host."""
    return _translated("reference.html", request, headers())


@router.get("/page/{path:path}")
async def part(path: str, request: Request) -> Response:
    """Return a file of the page. A path that leads out of its folder is not found."""
    return await files.get_response(path, request.scope)


def _translated(name: str, request: Request, about: dict[str, str]) -> Response:
    """Return a page in the language that is asked for, or 304 if the browser has it so."""
    content = translated(_template(name), chosen(request)).encode()
    about |= {"ETag": f'"{sha256(content).hexdigest()[:32]}"', "Vary": "Accept-Language, Cookie"}
    if request.headers.get("if-none-match") == about["ETag"]:
        return Response(status_code=304, headers=about)
    return Response(content, media_type="text/html; charset=utf-8", headers=about)


@cache
def _template(name: str) -> str:
    return (FOLDER / name).read_text("utf-8")
