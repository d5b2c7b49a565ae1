"""Errors of training and evaluation that a user can correct.

KshotError
├── DataError    a data set is missing, incomplete or too small
└── RunError     a training run cannot start or go on
"""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from models.errors import KshotError


class DataError(KshotError):
    """A data set cannot be read, or is too small for what is asked."""


class RunError(KshotError):
    """A training run cannot start or be resumed as asked."""


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Print what the user can mend as a line, not a traceback, and exit with 1."""
    try:
        yield
    except KshotError as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        raise typer.Exit(1) from error
