"""Log lines of errors: enough to find the fault, and nothing of users' data."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

CODE = """
from app import logs
from app.settings import Settings
import structlog

def deep(left):
    secret = "x" * 1000 + str(left)
    if left:
        deep(left - 1)
    raise ArithmeticError("the fault")

logs.configure(Settings())
try:
    deep(100)
except ArithmeticError:
    structlog.stdlib.get_logger("kshot").exception("unexpected error")
"""


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_is_logged_without_local_variables(monkeypatch: pytest.MonkeyPatch, log_format: str) -> None:
    monkeypatch.setenv("KSHOT_LOG_FORMAT", log_format)
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert "the fault" in done.stderr
    assert "deep" in done.stderr
    assert "xxxx" not in done.stderr
    assert len(done.stderr) < 10_000
    if log_format == "json":
        assert json.loads(done.stderr)["exception"][0]["exc_type"] == "ArithmeticError"
