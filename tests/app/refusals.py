"""How a refusal reads."""

from __future__ import annotations

from typing import Any

import httpx


def problem(answer: httpx.Response, status: int, kind: str, **members: object) -> dict[str, Any]:
    """The problem document, checked."""
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, document["status"], document["type"]) == (status, status, f"/problems/{kind}")
    assert document.items() >= members.items()
    assert document["title"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document
