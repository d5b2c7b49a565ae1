"""The README's shell lines, pasted as they are, in order, against a running server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.checkpoint import SHIPPED
from tests.serving import Server

ROOT = Path(__file__).parent.parent
MARK = "<!-- run by tests/test_readme.py -->\n"


def blocks() -> list[str]:
    """The marked shell blocks."""
    return re.findall(re.escape(MARK) + r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.fixture
def shipped(tmp_path: Path) -> Iterator[Server]:
    """As `make serve` starts it."""
    server = Server(tmp_path, checkpoints=SHIPPED, checkpoint="photo")
    server.start()
    yield server
    server.stop()


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_readmes_curl_lines_work_as_pasted(shipped: Server, tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    script = "set -e\n" + "\necho ----\n".join(blocks())
    script = script.replace("http://127.0.0.1:8000", shipped.url).replace("curl -s", "curl --fail-with-body -s")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    adapted, predicted, rest, with_key = (part.strip() for part in done.stdout.split("----"))
    model = json.loads(adapted)
    assert model["classes"] == ["dress", "hat", "pants", "shoes", "t-shirt"]
    hat, drawing = json.loads(predicted)["predictions"]
    assert (hat["label"], hat["known"], drawing["known"]) == ("hat", True, False)
    second, _ = json.JSONDecoder().raw_decode(rest)
    assert second["classes"] == ["greek", "hebrew"]
    assert second["id"] in shipped.models()
    assert json.loads(with_key)["classes"] == model["classes"]
    assert model["id"] not in shipped.models()
