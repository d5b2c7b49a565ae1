"""Errors of bulk jobs that a user can correct.

KshotError
└── BulkError: SourceUnreadable, OutputUnusable, ModelUnusable
"""

from __future__ import annotations

from typing import ClassVar

from models.errors import KshotError


class BulkError(KshotError):
    """A job cannot start or go on as asked."""

    title: ClassVar[str]


class SourceUnreadable(BulkError):
    """Where the pictures should come from cannot be read."""

    title = "The pictures cannot be read"


class OutputUnusable(BulkError):
    """Results cannot be written where they should be."""

    title = "The results cannot be written"


class ModelUnusable(BulkError):
    """What was named is no model that can be used here."""

    title = "The model cannot be used"
