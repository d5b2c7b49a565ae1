"""The calls about shares without their I/O; see kshot.calls."""

from __future__ import annotations

from urllib.parse import quote

import httpx

from kshot.calls import Call, model_path, read, succeeded
from kshot.sharing.shares import ModelShares, NewShare


def share(model_id: str, name: str | None, ttl_seconds: int | None) -> Call[NewShare]:
    """POST /models/{id}/shares."""
    options = {"name": name, "ttl_seconds": ttl_seconds}
    given = {field: value for field, value in options.items() if value is not None}
    return Call("POST", f"{model_path(model_id)}/shares", _whole, {"json": given})


def shares(model_id: str) -> Call[ModelShares]:
    """GET /models/{id}/shares."""
    return Call("GET", f"{model_path(model_id)}/shares", read(ModelShares))


def _whole(response: httpx.Response) -> NewShare:
    """Return the new share with its link as people open it."""
    share = read(NewShare)(response)
    home = response.request.url.join("../../")  # this is /models/{id}/shares, below whatever prefix
    return share.model_copy(update={"link": str(home.join(share.link))})


def unshare(model_id: str, share_id: str) -> Call[None]:
    """DELETE /models/{id}/shares/{share_id}."""
    return Call("DELETE", f"{model_path(model_id)}/shares/{quote(share_id, safe='')}", succeeded, retried="never")
