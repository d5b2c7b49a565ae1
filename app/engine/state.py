"""Where the engine is in its life."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The engine's states, in words for users."""

    LOADING = "The server is loading its checkpoints. Try again in a moment."
    READY = "The server is ready."
    FAILED = "The server could not load its checkpoints. Whoever runs it finds the reason in its log."
    DRAINING = "The server is shutting down. Try another, or again when it is back."
