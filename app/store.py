"""Where adapted models are kept: one safetensors file each, with the model's JSON in its header.

A model's kept images, where there are any, are a file beside it, which goes when the model goes.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import copy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

import structlog
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from app.errors import ModelDamaged, ModelNotFound, StoreUnavailable
from app.schemas import Model

ID = re.compile(r"[0-9a-f]{32}")
SUFFIX = ".safetensors"
IMAGES = ".images"
TEMPORARY = ".part"
TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
TENANT_FOLDER = "tenant-"  # and its name
ABANDONED_SECONDS = 3600  # another server on the same directory may still be writing younger ones

Tensors = Mapping[str, Tensor]
log = structlog.stdlib.get_logger("kshot.store")


def new_id() -> str:
    """An id that sorts by time of creation (48 bits, milliseconds) and cannot be guessed (80 random bits)."""
    return f"{time.time_ns() // 10**6:012x}{secrets.token_hex(10)}"


@dataclass(frozen=True)
class Stored:
    """A model and its tensors, which are on the CPU; `revision` is the store's, another after each update."""

    model: Model
    tensors: Tensors
    revision: str = ""


class Store(Protocol):
    """Models by id; of one, only what is said of it changes, never its tensors or when it expires.

    Calls block, so make them from worker threads, and may raise StoreUnavailable.
    """

    def of(self, tenant: str) -> Store:
        """The models of a tenant, who sees no others; "" is nobody. Raises ValueError for what is no TENANT."""

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """Keeps a model, and its images if given; when this returns, with the revision, they survive a crash."""

    def update(self, model_id: str, change: Callable[[Model], Model]) -> Model:
        """Replaces what is said of a model; none of several updates at once is lost. Raises what `get` raises."""

    def revision(self, model_id: str) -> str | None:
        """That of the model as it is now, expired or not; None if it isn't there; quick."""

    def get(self, model_id: str) -> Stored:
        """Raises ModelNotFound (unknown or expired) or ModelDamaged."""

    def describe(self, model_id: str) -> Model:
        """Without its tensors; raises what `get` raises."""

    def images(self, model_id: str) -> BinaryIO:
        """The images of a model as they were put, to read and seek in. Raises ModelNotFound if there are none."""

    def delete(self, model_id: str) -> None:
        """Raises ModelNotFound."""

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[Model], str | None]:
        """Up to `limit` models older than `cursor`, newest first and the next page's cursor, if any."""

    def sweep(self) -> int:
        """Deletes what has expired, of all tenants in this store; returns how many."""


class DirectoryStore:
    """The Store of a local directory.

    A model is one file, there as a whole or not at all: written beside its place, flushed, renamed. A tenant's models
    are in a folder of its own.
    Raises StoreUnavailable for a directory that cannot be written to.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._expiries: dict[Path, datetime | None] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with self._temporary(new_id()) as probe:
                probe.touch()
        except OSError as error:
            reason = error.strerror or error
            raise StoreUnavailable(f"{directory} cannot be written to ({reason}). Set KSHOT_STORE.") from error

    def of(self, tenant: str) -> DirectoryStore:
        """See Store."""
        if not tenant:
            return self
        if not TENANT.fullmatch(tenant):
            raise ValueError(f"{tenant!r:.80} is no name of a tenant")
        folder = self.directory / f"{TENANT_FOLDER}{tenant}"
        with _usable():
            folder.mkdir(exist_ok=True)
            self._flush_directory()
        return self._view(folder)

    def put(self, stored: Stored, images: bytes | None = None) -> Stored:
        """See Store."""
        model = stored.model
        contents = save(dict(stored.tensors), metadata={"model": model.model_dump_json()})
        path = self._path(model.id)
        with _usable():
            if images is not None:  # first: the model is there when all is
                self._write(path.with_suffix(IMAGES), images)
            revision = self._write(path, contents)
            self._flush_directory()
        return replace(stored, revision=revision)

    def update(self, model_id: str, change: Callable[[Model], Model]) -> Model:
        """See Store."""
        with self._locked():
            stored = self.get(model_id)
            return self.put(replace(stored, model=change(stored.model))).model

    def revision(self, model_id: str) -> str | None:
        """See Store."""
        try:
            return _revision(self._path(model_id))
        except FileNotFoundError:
            return None

    def get(self, model_id: str) -> Stored:
        """See Store."""
        path = self._path(model_id)
        with _reaching(model_id):
            revision = _revision(path)  # before reading: at worst it is older than what is read, and read again
            return Stored(self.describe(model_id), load(path.read_bytes()), revision)

    def images(self, model_id: str) -> BinaryIO:
        """See Store."""
        with _reaching(model_id):
            return self._path(model_id).with_suffix(IMAGES).open("rb")

    def describe(self, model_id: str) -> Model:
        """See Store."""
        model = self._read_header(self._path(model_id))
        if is_expired(model):
            raise _not_found(model_id)
        return model

    def delete(self, model_id: str) -> None:
        """See Store."""
        path = self._path(model_id)
        model = self._try_header(path)  # None if damaged, which can be deleted
        with self._locked(), _reaching(model_id):
            path.unlink()
            path.with_suffix(IMAGES).unlink(missing_ok=True)
        if model and is_expired(model):
            raise _not_found(model_id)  # as for all others who ask for it

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[Model], str | None]:
        """See Store."""
        models: list[Model] = []
        with _usable():
            for model in self._models(cursor):
                if len(models) == limit:
                    return models, models[-1].id
                models.append(model)
        return models, None

    def sweep(self) -> int:
        """See Store."""
        paths = [path for each in (self, *self._tenants()) for path in each._sweepable()]
        self._expiries = {path: self._expiries.get(path) for path in paths if self._learn_expiry(path)}
        now = datetime.now(UTC)
        expired = [path for path, expiry in self._expiries.items() if expiry is not None and expiry <= now]
        for path in expired:
            path.unlink(missing_ok=True)
            path.with_suffix(IMAGES).unlink(missing_ok=True)
        return len(expired)

    def _sweepable(self) -> Iterator[Path]:
        self._remove_abandoned()
        return self._paths()

    def _learn_expiry(self, path: Path) -> bool:
        """Whether it is known, from the header if need be: once for each model, as there may be thousands."""
        if path not in self._expiries and (model := self._try_header(path)):
            self._expiries[path] = model.expires_at
        return path in self._expiries

    def _tenants(self) -> list[DirectoryStore]:
        with os.scandir(self.directory) as entries:
            return [self._view(Path(each)) for each in entries if each.name.startswith(TENANT_FOLDER) and each.is_dir()]

    def _view(self, directory: Path) -> DirectoryStore:
        view = copy(self)
        view.directory, view._expiries = directory, {}
        return view

    def _models(self, cursor: str | None) -> Iterator[Model]:
        for path in self._paths(cursor):
            model = self._try_header(path)
            if model and not is_expired(model):
                yield model

    def _paths(self, cursor: str | None = None) -> Iterator[Path]:
        """The files of the models older than `cursor`, newest first."""
        ids = (name.removesuffix(SUFFIX) for name in self._names(SUFFIX))
        older = (each for each in ids if ID.fullmatch(each) and (cursor is None or each < cursor))
        return map(self._path, sorted(older, reverse=True))

    def _names(self, suffix: str) -> list[str]:
        """The files with this suffix; strings, as thousands of paths are slow to make and to sort."""
        with os.scandir(self.directory) as entries:
            return [entry.name for entry in entries if entry.name.endswith(suffix) and entry.is_file()]

    def _path(self, model_id: str) -> Path:
        if not ID.fullmatch(model_id):
            raise _not_found(model_id)
        return self.directory / f"{model_id}{SUFFIX}"

    def _try_header(self, path: Path) -> Model | None:
        """None for a file that is gone meanwhile, or cannot be read: one such must not spoil the list."""
        try:
            return self._read_header(path)
        except (ModelNotFound, ModelDamaged, StoreUnavailable):
            return None

    @staticmethod
    def _read_header(path: Path) -> Model:
        with _reaching(path.stem), safe_open(path, framework="pt") as file:
            return Model.model_validate_json((file.metadata() or {})["model"])

    def _write(self, path: Path, contents: bytes) -> str:
        """A file as a whole or not at all, in the place of what was there; returns its revision."""
        with self._temporary(path.stem) as temporary:
            _write(temporary, contents)
            revision = _revision(temporary)
            temporary.replace(path)
            return revision

    @contextmanager
    def _temporary(self, model_id: str) -> Iterator[Path]:
        """Where to write what will be renamed; nothing is there afterwards."""
        path = self.directory / f"{model_id}.{secrets.token_hex(4)}{TEMPORARY}"
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _flush_directory(self) -> None:
        """So that the new name itself survives a loss of power."""
        with self._opened() as descriptor:
            os.fsync(descriptor)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Alone, among all servers on this directory, in changing or deleting a model that is there."""
        with _usable(), self._opened() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _remove_abandoned(self) -> None:
        """Deletes what a server that was killed had half written, and images without their model."""
        alone = [name for name in self._names(IMAGES) if not (self.directory / name).with_suffix(SUFFIX).exists()]
        for name in [*self._names(TEMPORARY), *alone]:
            path = self.directory / name
            with suppress(FileNotFoundError):  # written to its end meanwhile
                if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                    path.unlink()


def _write(path: Path, contents: bytes) -> None:
    """A new file, on the disk when this returns."""
    with path.open("xb") as file:
        file.write(contents)
        file.flush()
        os.fsync(file.fileno())


def _revision(path: Path) -> str:
    """Another for each file that was ever at this path."""
    found = path.stat()
    return f"{found.st_ino}-{found.st_mtime_ns}"


def is_expired(model: Model) -> bool:
    """Whether its time is over."""
    return model.expires_at is not None and model.expires_at <= datetime.now(UTC)


def _not_found(model_id: str) -> ModelNotFound:
    detail = f"There is no model {model_id!r:.60}: it was never made, has expired or was deleted. See GET /models."
    return ModelNotFound(detail, field="model_id")


def _damaged(model_id: str) -> ModelDamaged:
    detail = f"The file of model {model_id} cannot be read. Delete the model and adapt again."
    return ModelDamaged(detail, field="model_id")


def _unavailable(error: OSError) -> StoreUnavailable:
    reason = error.strerror or error
    return StoreUnavailable(f"The server's disk refused ({reason}). Try again later; tell whoever runs the server.")


@contextmanager
def _usable() -> Iterator[None]:
    """Turns what the directory refuses into an error for users; the log has what they need not know."""
    try:
        yield
    except OSError as error:
        log.error("the store cannot be used", error=str(error))
        raise _unavailable(error) from error


@contextmanager
def _reaching(model_id: str) -> Iterator[None]:
    """Turns the ways in which a model's file fails us into errors for users."""
    try:
        yield
    except FileNotFoundError as error:
        raise _not_found(model_id) from error
    except OSError as error:
        raise _unavailable(error) from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise _damaged(model_id) from error
