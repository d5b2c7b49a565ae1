"""Errors of training and evaluation that a user can correct.

KshotError
├── DataError    a data set is missing, incomplete or too small
└── RunError     a training run cannot start or go on
"""

from models.errors import KshotError


class DataError(KshotError):
    """A data set cannot be read, or is too small for what is asked."""


class RunError(KshotError):
    """A training run cannot start or be resumed as asked."""
