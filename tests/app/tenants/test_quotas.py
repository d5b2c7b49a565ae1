"""Quotas count what is kept and what is in the making."""

from __future__ import annotations

import pytest

from app.errors import QuotaReached
from app.tenants.quotas import Quotas
from app.tenants.tenant import NOBODY, Tenant


def test_models_in_the_making_count_until_they_are_made_and_each_tenants_alone() -> None:
    quotas, alice, bob = Quotas(), Tenant("alice", max_models=2), Tenant("bob", max_models=1)
    with quotas.reserve(alice) as first, quotas.reserve(alice) as second, quotas.reserve(bob) as other:
        first.check(models=1, size=0)
        with pytest.raises(QuotaReached, match="You keep 1 models, and may keep 2"):
            second.check(models=1, size=0)
        other.check(models=0, size=0)
    with quotas.reserve(alice) as again:
        again.check(models=1, size=0)


def test_a_reservation_ends_when_its_model_cannot_be_made() -> None:
    quotas, tenant = Quotas(), Tenant("alice", max_models=1)
    with pytest.raises(RuntimeError), quotas.reserve(tenant):
        raise RuntimeError
    with quotas.reserve(tenant) as again:
        again.check(models=0, size=0)


def test_the_last_model_may_exceed_the_bytes_and_none_after_it() -> None:
    with Quotas().reserve(Tenant("alice", max_bytes=10)) as reservation:
        reservation.check(models=1, size=9)
        with pytest.raises(QuotaReached) as reached:
            reservation.check(models=1, size=10)
    assert reached.value.members == {"resource": "bytes", "used": 10, "limit": 10}


def test_nobody_has_no_quota() -> None:
    assert not NOBODY.has_quota
    with Quotas().reserve(NOBODY) as reservation:
        reservation.check(models=10**6, size=10**12)
