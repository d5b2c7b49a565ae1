"""The code blocks of a document, run as a reader would paste them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FENCED = re.compile(r"(<!-- run by (\S+) -->\n)?```(sh|python)\n(.*?)```", re.DOTALL)


def blocks(text: str, *, marked: bool) -> list[tuple[str, str]]:
    """Return the language and the content of each shell or Python block that is marked, or isn't."""
    return [(language, block) for mark, _, language, block in FENCED.findall(text) if bool(mark) is marked]


def section(text: str, title: str) -> str:
    """Return what stands under a heading of the second level."""
    _, found, rest = text.partition(f"\n## {title}\n")
    assert found, title
    return rest.partition("\n## ")[0]


def look_like_a_clone(folder: Path) -> None:
    """Fill `folder` with what the blocks need of a clone after `make serve`."""
    for name in ("tests", "examples"):
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)


def run(pasted: list[tuple[str, str]], folder: Path, url: str, shorter: dict[str, str] | None = None) -> list[str]:
    """Run blocks in one shell, in `folder`, against the server at `url`, and return what each printed.

    `shorter` holds replacements that spare the tests time.
    """
    script = "\necho ----\n".join(_typed(language, block) for language, block in pasted)
    script = script.replace("http://127.0.0.1:8000", url).replace("curl -s", "curl --fail-with-body -s")
    for long, short in (shorter or {}).items():
        script = script.replace(long, short)
    environment = {**os.environ, "KSHOT_URL": url, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-ec", script], cwd=folder, env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [part.strip() for part in done.stdout.split("----\n")]


def _typed(language: str, block: str) -> str:
    """Return what a reader types for a block: a Python script is saved and run."""
    return block if language == "sh" else f"cat > clothes.py <<'END'\n{block}END\npython clothes.py"
