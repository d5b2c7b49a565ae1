"""Errors of adapting and computing."""

from __future__ import annotations

from types import MappingProxyType

from app.errors.base import AppError


class StepsOutOfRange(AppError):
    type, title = "/problems/steps-out-of-range", "The number of steps is out of range"


class CheckpointUnknown(AppError):
    type, title = "/problems/checkpoint-unknown", "No such checkpoint"


class InitializationUnsuitable(AppError):
    type, title = "/problems/initialization-unsuitable", "No such initialization"


class Diverged(AppError):
    type, title = "/problems/diverged", "Adapting ran out of the numbers"


class CheckpointMismatch(AppError):
    status = 409
    type, title = (
        "/problems/checkpoint-mismatch",
        "The model belongs to a checkpoint this server does not have",
    )


class EngineError(AppError):
    """The engine cannot take or finish a job now; the same request may succeed later."""

    status = 503
    headers = MappingProxyType({"Retry-After": "1"})


class NotReady(EngineError):
    type, title = "/problems/not-ready", "The server is not ready"


class QueueFull(EngineError):
    status = 429
    type, title = "/problems/queue-full", "The server is busy"

    def __init__(self, detail: str, seconds: int = 1) -> None:
        super().__init__(detail)
        self.headers = MappingProxyType({"Retry-After": str(seconds)})


class QueueTimeout(EngineError):
    type, title = "/problems/queue-timeout", "The request waited too long for its turn"


class ComputeTimeout(EngineError):
    status = 504
    type, title = "/problems/compute-timeout", "The computation took too long"


class OutOfMemory(EngineError):
    type, title = "/problems/out-of-memory", "The server has too little memory for the request"
