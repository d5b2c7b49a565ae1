"""What must hold for a form before its fields are read."""

from __future__ import annotations

from collections import Counter

from fastapi import Request
from fastapi.exceptions import RequestValidationError

from app.errors import NotAForm

MULTIPART = "multipart/form-data"
TYPES = {MULTIPART, "application/x-www-form-urlencoded"}
REPEATED = {"images", "labels", "remove", "remove_class"}


async def require_form(request: Request) -> None:
    """Refuse bodies that are not forms, and fields that are sent twice; a dependency of routes that take a form.

    Otherwise a body of another kind would count as a form without fields, and the last of a field's values would win.

    Raises:
        NotAForm: The body is not a form.
        RequestValidationError: A field that takes one value was sent more than once.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in TYPES and (kind or request.headers.get("content-length", "0") != "0"):
        raise NotAForm(f"The body is {kind or 'of no type'!r:.80}. Send {MULTIPART} (with curl: -F field=value).")
    times = Counter(field for field, _ in (await request.form()).multi_items() if field not in REPEATED)
    if faults := [_repeated(field, count) for field, count in times.items() if count > 1]:
        raise RequestValidationError(faults)


def _repeated(field: str, times: int) -> dict[str, object]:
    return {"type": "repeated", "loc": ("body", field), "msg": f"send it once, not {times} times", "input": None}
