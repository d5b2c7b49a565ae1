"""The requests to an object store that a store makes, with its errors as ours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import S3Store

from app.errors import StoreUnavailable
from app.store.failures import log

if TYPE_CHECKING:
    from obstore.store import ObjectStore as Client

RETRIES = 2


class Conflict(Exception):
    """Another request came first."""


@dataclass(frozen=True)
class Entry:
    """An object in a list."""

    key: str
    bytes: int


class Bucket:
    """Objects by key. Each method but `list` is one request; all may raise FileNotFoundError and StoreUnavailable."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def put(self, key: str, contents: bytes) -> None:
        """Put an object in the place of what was there."""
        with _answering():
            self._client.put(key, contents, use_multipart=False)

    def create(self, key: str, contents: bytes) -> str:
        """Put a new object; return its revision. Raises Conflict if there is one of this key."""
        with _answering():
            return self._client.put(key, contents, mode="create", use_multipart=False)["e_tag"] or ""

    def replace(self, key: str, contents: bytes, revision: str) -> None:
        """Put an object in the place of one of this revision. Raises Conflict if it has another."""
        with _answering():
            self._client.put(key, contents, mode={"e_tag": revision}, use_multipart=False)

    def read(self, key: str) -> tuple[bytes, str]:
        """Return the whole object and its revision."""
        with _answering():
            found = self._client.get(key)
            return bytes(found.bytes()), found.meta["e_tag"] or ""

    def start(self, key: str, length: int) -> tuple[bytes, int]:
        """Return its first bytes, and how many there are in all."""
        with _answering():
            found = self._client.get(key, options={"range": (0, length)})
            return bytes(found.bytes()), found.meta["size"]

    def revision(self, key: str) -> str:
        """Return the revision of an object, without its contents."""
        with _answering():
            return self._client.head(key)["e_tag"] or ""

    def delete(self, *keys: str) -> None:
        """Delete those of these objects that are there."""
        with _answering():
            if keys:
                self._client.delete(keys)

    def list(self, prefix: str, after: str | None = None, at_once: int = 1000) -> Iterator[Sequence[Entry]]:
        """Yield the objects after the key `after`, in order of their keys; each 1000 take a request, when needed."""
        with _answering():
            for found in self._client.list(prefix, offset=after, chunk_size=at_once):
                yield [Entry(each["path"], each["size"]) for each in found]


def open_bucket(url: str, seconds: float) -> Bucket:
    """Return the bucket of s3://bucket/prefix; its address and our credentials are in the usual AWS_* variables.

    A request may take so many seconds. Raises StoreUnavailable for a bucket that cannot be written to.
    """
    try:
        client = connect(url, seconds)
        client.put("probe", b"", use_multipart=False)
        client.delete("probe")
    except (BaseError, FileNotFoundError) as error:
        detail = f"{url} cannot be written to ({_reason(error)}). Check KSHOT_STORE and the AWS_* variables."
        raise StoreUnavailable(detail) from error
    return Bucket(client)


def connect(url: str, seconds: float) -> Client:
    """Return a client of s3://bucket/prefix, without asking it anything. Raises BaseError for what is no such URL."""
    limit = timedelta(seconds=seconds)
    return S3Store.from_url(
        url,
        client_options={"timeout": limit, "connect_timeout": limit, "allow_http": True},
        retry_config={"max_retries": RETRIES, "retry_timeout": limit},
    )


@contextmanager
def _answering() -> Iterator[None]:
    """Raise StoreUnavailable for errors of the client. Only the log names addresses."""
    try:
        yield
    except (AlreadyExistsError, PreconditionError) as error:
        raise Conflict from error
    except BaseError as error:
        log.error("the store cannot be used", error=_reason(error))
        detail = "The server's object store refused or did not answer. Try again later; tell whoever runs the server."
        raise StoreUnavailable(detail) from error


def _reason(error: Exception) -> str:
    return str(error).partition("\n")[0]
