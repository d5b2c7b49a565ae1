"""Multipart forms as clients send them: more kindly than Starlette where what is meant is plain, else more strictly."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartParser

FILES = {b"images", b"archive", b"table"}
BRACKETS = "[]"
"""At the end of a repeated field's name, as PHP and jQuery write it."""
UTF8 = {b"utf-8", b"utf8", b"us-ascii"}


class FormParser(MultiPartParser):
    """Starlette's parser, which takes `images[]` for `images`, and a file that has no name for a file.

    Text that is not in UTF-8 would be read as some other encoding without a word: it becomes one of `faults`, as
    pydantic has them.
    """

    def __init__(self, headers: Headers, stream: AsyncGenerator[bytes, None], **limits: Any) -> None:
        super().__init__(headers, stream, **limits)
        self.faults: list[dict[str, object]] = []
        self._parts: Counter[str] = Counter()

    def on_headers_finished(self) -> None:
        """Begin a part whose headers are read."""
        part = self._current_part
        disposition = part.content_disposition or b""
        # Text that is sent for a file has no type.
        if b"filename=" not in disposition and _content_type(part.item_headers):  # to parse it takes a while
            _, options = parse_options_header(disposition)
            if b"filename" not in options and options.get(b"name", b"").removesuffix(BRACKETS.encode()) in FILES:
                part.content_disposition = disposition + b'; filename=""'
        super().on_headers_finished()
        part.field_name = part.field_name.removesuffix(BRACKETS)

    def on_part_end(self) -> None:
        """End a part."""
        part = self._current_part
        super().on_part_end()
        if part.file is None and (wrong := _not_utf8(bytes(part.data), _content_type(part.item_headers))):
            loc = ("body", part.field_name, self._parts[part.field_name])
            self.faults.append({"type": "charset", "loc": loc, "msg": wrong, "input": None})
        self._parts[part.field_name] += 1


def _content_type(headers: list[tuple[bytes, bytes]]) -> bytes:
    return dict(headers).get(b"content-type", b"")


def _not_utf8(data: bytes, content_type: bytes) -> str | None:
    """Return what is wrong with a text, or None."""
    charset = parse_options_header(content_type)[1].get(b"charset", b"utf-8")
    if charset.lower() not in UTF8:
        return f"its charset is {charset.decode('latin-1')!r:.80}; send it in UTF-8"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "it is not in UTF-8; send it in UTF-8"
    return None
