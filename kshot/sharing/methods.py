"""What the clients do about shares."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from kshot.calls import Call, P, T
from kshot.sharing import calls
from kshot.sharing.shares import ModelShare, NewShare


class Sharing(ABC):
    """The methods of Client that share models."""

    @abstractmethod
    def _send(self, make: Callable[P, Call[T]], *arguments: P.args, **options: P.kwargs) -> T: ...

    def share(self, model_id: str, *, name: str | None = None, ttl_seconds: int | None = None) -> NewShare:
        """Let others predict with a model, and do nothing else: return a token, and the link of a page that uses it.

        Args:
            model_id: the `id` of an adapted model.
            name: whom it is for.
            ttl_seconds: seconds until it expires; a week unless given.
        """
        return self._send(calls.share, model_id, name, ttl_seconds)

    def shares(self, model_id: str) -> list[ModelShare]:
        """Return the shares of a model that have not expired, without their tokens."""
        return self._send(calls.shares, model_id).shares

    def unshare(self, model_id: str, share_id: str) -> None:
        """Revoke a share, by its `id`."""
        self._send(calls.unshare, model_id, share_id)


class AsyncSharing(ABC):
    """The methods of AsyncClient that share models."""

    @abstractmethod
    async def _send(self, make: Callable[P, Call[T]], *arguments: P.args, **options: P.kwargs) -> T: ...

    async def share(self, model_id: str, *, name: str | None = None, ttl_seconds: int | None = None) -> NewShare:
        """See Sharing.share."""
        return await self._send(calls.share, model_id, name, ttl_seconds)

    async def shares(self, model_id: str) -> list[ModelShare]:
        """See Sharing.shares."""
        return (await self._send(calls.shares, model_id)).shares

    async def unshare(self, model_id: str, share_id: str) -> None:
        """See Sharing.unshare."""
        await self._send(calls.unshare, model_id, share_id)
