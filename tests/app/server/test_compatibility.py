"""What the server takes of uvicorn is there, and a uvicorn without it is refused by name."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.server.compatibility import VERSIONS, UvicornIncompatible, check_uvicorn

ROOT = Path(__file__).parents[3]


def test_the_installed_uvicorn_has_all_that_is_used() -> None:
    check_uvicorn()


def test_the_versions_that_are_said_are_those_that_are_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert VERSIONS in project["dependencies"]


def test_a_uvicorn_that_lacks_something_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def sets_little(self: H11Protocol) -> None:
        self.transport = self.loop = None  # type: ignore[assignment]

    monkeypatch.delattr(H11Protocol, "data_received")
    monkeypatch.setattr(H11Protocol, "__init__", sets_little)
    with pytest.raises(UvicornIncompatible, match=r"H11Protocol\.conn, .*H11Protocol\.data_received") as refused:
        check_uvicorn()
    assert "H11Protocol.loop" not in str(refused.value)
    assert f"pip install '{VERSIONS}'" in str(refused.value)
