"""GET /, /m/{id} and /docs: the web page, that of a shared model, the API reference, and the files they are made of."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from hashlib import sha256
from mimetypes import guess_type
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

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


router = APIRouter(include_in_schema=False)


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
    """Return a file of the page."""
    content = _parts().get(path)
    if content is None:
        raise HTTPException(404)
    return _answer(content, guess_type(path)[0] or "application/octet-stream", request, headers())


def _translated(name: str, request: Request, about: dict[str, str]) -> Response:
    """Return a page in the language that is asked for."""
    content = translated(_parts()[name].decode(), chosen(request)).encode()
    return _answer(content, "text/html; charset=utf-8", request, {**about, "Vary": "Accept-Language, Cookie"})


def _answer(content: bytes, kind: str, request: Request, about: dict[str, str]) -> Response:
    """Return the content, compressed if the browser takes that, or 304 if it has it."""
    about["Vary"] = ", ".join(filter(None, (about.get("Vary"), "Accept-Encoding")))
    about["ETag"], compressed = _encoded(content)
    if about["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=about)
    if "gzip" in request.headers.get("accept-encoding", ""):
        content, about["Content-Encoding"] = compressed, "gzip"
    return Response(content, media_type=kind, headers=about)


@lru_cache(maxsize=256)
def _encoded(content: bytes) -> tuple[str, bytes]:
    """Return the ETag, weak as it is the same however the content is encoded, and the content compressed."""
    return f'W/"{sha256(content).hexdigest()[:32]}"', gzip.compress(content, mtime=0)


@cache
def _parts() -> Mapping[str, bytes]:
    """Return what lies in the folder, by path."""
    return {file.relative_to(FOLDER).as_posix(): file.read_bytes() for file in FOLDER.rglob("*") if file.is_file()}
