"""Where adapted models are kept: one safetensors file each, with the model's JSON in its header."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from app.errors import ModelDamaged, ModelNotFound
from app.schemas import Model

ID = re.compile(r"[0-9a-f]{32}")
SUFFIX = ".safetensors"
TEMPORARY = ".part"
ABANDONED_SECONDS = 3600  # another server on the same directory may still be writing younger ones

Tensors = Mapping[str, Tensor]


def new_id() -> str:
    """An id that sorts by time of creation (48 bits, milliseconds) and cannot be guessed (80 random bits)."""
    return f"{time.time_ns() // 10**6:012x}{secrets.token_hex(10)}"


@dataclass(frozen=True)
class Stored:
    """A model and its tensors, which are on the CPU."""

    model: Model
    tensors: Tensors


class Store(Protocol):
    """Immutable models by id. Calls block: make them from worker threads."""

    def put(self, stored: Stored) -> None:
        """Keeps a model; when this returns it survives a crash."""

    def get(self, model_id: str) -> Stored:
        """Raises ModelNotFound (unknown or expired) or ModelDamaged."""

    def describe(self, model_id: str) -> Model:
        """Without its tensors; raises what `get` raises."""

    def delete(self, model_id: str) -> None:
        """Raises ModelNotFound."""

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[Model], str | None]:
        """Up to `limit` models older than `cursor`, newest first and the next page's cursor, if any."""

    def sweep(self) -> int:
        """Deletes what has expired; returns how many."""


class DirectoryStore:
    """The Store of a local directory.

    A model is one file, there as a whole or not at all: written beside its place, flushed, renamed.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._remove_abandoned()

    def put(self, stored: Stored) -> None:
        """See Store."""
        place = self._path(stored.model.id)
        temporary = place.with_suffix(f".{secrets.token_hex(4)}{TEMPORARY}")
        contents = save(dict(stored.tensors), metadata={"model": stored.model.model_dump_json()})
        try:
            with temporary.open("xb") as file:
                file.write(contents)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(place)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        self._flush_directory()

    def get(self, model_id: str) -> Stored:
        """See Store."""
        model = self.describe(model_id)
        try:
            return Stored(model, load(self._path(model_id).read_bytes()))
        except FileNotFoundError as error:
            raise _not_found(model_id) from error
        except SafetensorError as error:
            raise _damaged(model_id) from error

    def describe(self, model_id: str) -> Model:
        """See Store."""
        model = self._read_header(self._path(model_id))
        if is_expired(model):
            raise _not_found(model_id)
        return model

    def delete(self, model_id: str) -> None:
        """See Store."""
        try:
            self._path(model_id).unlink()
        except FileNotFoundError as error:
            raise _not_found(model_id) from error

    def page(self, limit: int, cursor: str | None = None) -> tuple[list[Model], str | None]:
        """See Store."""
        models: list[Model] = []
        for model in self._models(cursor):
            if len(models) == limit:
                return models, models[-1].id
            models.append(model)
        return models, None

    def sweep(self) -> int:
        """See Store."""
        expired = [path for path in self._paths() if (model := self._try_header(path)) and is_expired(model)]
        for path in expired:
            path.unlink(missing_ok=True)
        return len(expired)

    def _models(self, cursor: str | None) -> Iterator[Model]:
        for path in sorted(self._paths(), reverse=True):
            if cursor is None or path.stem < cursor:
                model = self._try_header(path)
                if model and not is_expired(model):
                    yield model

    def _paths(self) -> Iterator[Path]:
        return (path for path in self.directory.glob(f"*{SUFFIX}") if ID.fullmatch(path.stem))

    def _path(self, model_id: str) -> Path:
        if not ID.fullmatch(model_id):
            raise _not_found(model_id)
        return self.directory / f"{model_id}{SUFFIX}"

    def _try_header(self, path: Path) -> Model | None:
        """None for a file that is gone meanwhile, or damaged: one such must not spoil the list."""
        try:
            return self._read_header(path)
        except (ModelNotFound, ModelDamaged):
            return None

    @staticmethod
    def _read_header(path: Path) -> Model:
        try:
            with safe_open(path, framework="pt") as file:
                return Model.model_validate_json((file.metadata() or {})["model"])
        except FileNotFoundError as error:
            raise _not_found(path.stem) from error
        except (SafetensorError, KeyError, ValueError) as error:
            raise _damaged(path.stem) from error

    def _flush_directory(self) -> None:
        """So that the new name itself survives a loss of power."""
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _remove_abandoned(self) -> None:
        """Deletes what a server that was killed had half written."""
        for path in self.directory.glob(f"*{TEMPORARY}"):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                path.unlink(missing_ok=True)


def is_expired(model: Model) -> bool:
    """Whether its time is over."""
    return model.expires_at is not None and model.expires_at <= datetime.now(UTC)


def _not_found(model_id: str) -> ModelNotFound:
    detail = f"There is no model {model_id!r:.60}: it was never made, has expired or was deleted. See GET /models."
    return ModelNotFound(detail, field="model_id")


def _damaged(model_id: str) -> ModelDamaged:
    return ModelDamaged(f"The file of model {model_id} cannot be read. Delete the model and adapt again.")
