"""What tests of models share."""

from __future__ import annotations

import pytest

from models.kernels import compilation


@pytest.fixture(params=["compiled", "plain"])
def with_and_without_numba(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test twice: with functions compiled by numba, and as where it is not installed."""
    if request.param == "plain":
        monkeypatch.setattr(compilation, "AVAILABLE", False)
    elif not compilation.AVAILABLE:
        pytest.skip("numba is not installed")
