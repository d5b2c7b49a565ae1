"""The ways in which a store fails us, as errors for users."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import structlog
from safetensors import SafetensorError

from app.errors import ModelDamaged, ModelNotFound, StoreUnavailable

log = structlog.stdlib.get_logger("kshot.store")
DAMAGES = (SafetensorError, KeyError, TypeError, ValueError)  # what reading a damaged file raises


class FailureLog:
    """Logs each failure once, for as long as it lasts: a sweep or a list meets it again and again."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __contains__(self, place: str) -> bool:
        return place in self._told

    def tell(self, message: str, place: str, error: Exception) -> None:
        """Log what failed there, if that is news."""
        if place not in self._told:
            log.warning(message, place=place, error=str(error))
        self._told.add(place)

    def forget_all_but(self, places: Collection[str]) -> None:
        """Forget the failures elsewhere: they are over."""
        self._told.intersection_update(places)


def not_found(model_id: str) -> ModelNotFound:
    """It was never made, has expired or was deleted."""
    detail = f"There is no model {model_id!r:.60}: it was never made, has expired or was deleted. See GET /models."
    return ModelNotFound(detail, field="model_id")


def damaged(model_id: str) -> ModelDamaged:
    """Its file cannot be read."""
    detail = f"The file of model {model_id} cannot be read. Delete the model and adapt again."
    return ModelDamaged(detail, field="model_id")


def disk_refused(error: OSError) -> StoreUnavailable:
    """By the operating system."""
    log.error("the store cannot be used", error=str(error))
    reason = error.strerror or error
    return StoreUnavailable(f"The server's disk refused ({reason}). Try again later; tell whoever runs the server.")


@contextmanager
def usable() -> Iterator[None]:
    """Of a directory. Users are told the reason; the log has the place, which they need not know."""
    try:
        yield
    except OSError as error:
        raise disk_refused(error) from error


@contextmanager
def reaching(model_id: str) -> Iterator[None]:
    """Of a model's file in a directory."""
    try:
        yield
    except FileNotFoundError as error:
        raise not_found(model_id) from error
    except OSError as error:
        raise disk_refused(error) from error
    except DAMAGES as error:
        raise damaged(model_id) from error
