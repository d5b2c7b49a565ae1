"""How a store fails: as errors for users, and one thing at a time in a sweep or a list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from safetensors import SafetensorError

from app.errors import ModelDamaged, ModelNotFound, RecordError, RecordTooNew, StoreUnavailable

log = structlog.stdlib.get_logger("kshot.store")
DAMAGES = (SafetensorError, KeyError, TypeError, ValueError)  # what reading a damaged file raises


class Failures:
    """Lets each file fail alone, where many are looked at: logs it once, and counts it."""

    def __init__(self, message: str) -> None:
        self.count = 0
        self._message = message
        self._places: set[str] = set()

    def __contains__(self, place: str) -> bool:
        return place in self._places

    @contextmanager
    def alone(self, place: str) -> Iterator[None]:
        """Go on after a failure with what is at this place; that it is gone is none, as another server was quicker.

        Raises StoreUnavailable: where a bucket cannot be reached, the next request would only wait as long.
        """
        try:
            yield
        except FileNotFoundError:
            pass
        except (OSError, ModelDamaged, RecordError, *DAMAGES) as error:
            self._tell(place, error)

    def _tell(self, place: str, error: Exception) -> None:
        if place not in self._places:
            log.warning(self._message, place=place, error=str(error))
        self._places.add(place)
        self.count += not isinstance(error, RecordTooNew)  # which is no failure, but an upgrade under way


def not_found(model_id: str) -> ModelNotFound:
    """Return the error of a model that was never made, has expired or was deleted."""
    detail = f"There is no model {model_id!r:.60}: it was never made, has expired or was deleted. See GET /models."
    return ModelNotFound(detail, field="model_id")


def damaged(model_id: str) -> ModelDamaged:
    """Return the error of a model whose file cannot be read."""
    detail = f"The file of model {model_id} cannot be read. Delete the model and adapt again."
    return ModelDamaged(detail, field="model_id")


def disk_refused(error: OSError) -> StoreUnavailable:
    """Return what users are told of an error of the disk. The log has the path, which they need not know."""
    log.error("the store cannot be used", error=str(error))
    reason = error.strerror or error
    return StoreUnavailable(f"The server's disk refused ({reason}). Try again later; tell whoever runs the server.")


@contextmanager
def usable() -> Iterator[None]:
    """Raise StoreUnavailable for an OSError in the block, which works on a directory."""
    try:
        yield
    except OSError as error:
        raise disk_refused(error) from error


@contextmanager
def reaching(model_id: str) -> Iterator[None]:
    """Raise ModelNotFound, ModelDamaged or StoreUnavailable for what goes wrong in the block with a model's file."""
    try:
        yield
    except FileNotFoundError as error:
        raise not_found(model_id) from error
    except OSError as error:
        raise disk_refused(error) from error
    except DAMAGES as error:
        raise damaged(model_id) from error


def left_by_newer(count: int) -> RecordTooNew:
    """Return the error about what was not deleted, as a newer release wrote it."""
    return RecordTooNew(
        f"{count} of the models and remembered answers stay: a newer server wrote them. All others are deleted. "
        "Ask again once this server is as new."
    )
