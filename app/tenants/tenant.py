"""Who a request is from, and how much they may use."""

from __future__ import annotations

from dataclasses import dataclass

from app.settings import SettingsPart


@dataclass(frozen=True)
class Tenant:
    """The owner of models that no other tenant sees; limits that are None do not apply.

    The name "" is nobody's, whom only a server without keys serves.
    """

    name: str = ""
    max_models: int | None = None
    max_bytes: int | None = None
    requests_per_minute: int | None = None

    @property
    def has_quota(self) -> bool:
        """Whether there is a limit to what the tenant may keep."""
        return self.max_models is not None or self.max_bytes is not None


NOBODY = Tenant()


@dataclass(frozen=True, kw_only=True)
class TenantLimits(SettingsPart):
    """What a tenant may use if its key doesn't say."""

    tenant_max_models: int
    tenant_max_bytes: int
    tenant_requests_per_minute: int
