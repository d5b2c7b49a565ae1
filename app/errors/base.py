"""What all errors of the service share."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from models.errors import KshotError


class AppError(KshotError):
    """An error with a place in HTTP: `status`, a stable `type`, and members for machines to read."""

    status: ClassVar[int] = 422
    type: ClassVar[str]
    title: ClassVar[str]
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members
