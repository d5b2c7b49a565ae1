"""The README's shell lines, pasted as they are, in order, against a running server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.serving import Server

ROOT = Path(__file__).parent.parent
MARK = "<!-- run by tests/test_readme.py -->\n"


def blocks() -> list[str]:
    """The marked shell blocks."""
    return re.findall(re.escape(MARK) + r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_readmes_curl_lines_work_as_pasted(server: Server, tmp_path: Path) -> None:
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    script = "set -e\n" + "\necho ----\n".join(blocks())
    script = script.replace("http://127.0.0.1:8000", server.url).replace("curl -s", "curl --fail-with-body -s")
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    adapted, predicted, rest = (part.strip() for part in done.stdout.split("----"))
    model = json.loads(adapted)
    assert model["classes"] == ["angelic_18", "greek_21", "hebrew_21", "hiragana_15", "korean_29"]
    assert [answer["label"] for answer in json.loads(predicted)["predictions"]] == ["greek_21", "korean_29"]
    second, _ = json.JSONDecoder().raw_decode(rest)
    assert second["classes"] == ["greek", "hebrew"]
    assert second["id"] in server.models()
    assert model["id"] not in server.models()
