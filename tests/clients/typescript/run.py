"""Make a TypeScript client from a running server's OpenAPI document, compile it, and run it in Node.

python -m tests.clients.typescript.run
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.app.drawings import DRAWINGS
from tests.serving import Server

HERE = Path(__file__).parent
PROJECT = ("package.json", "package-lock.json", "tsconfig.json", "schema.mjs", "client.ts")


def main() -> None:
    """Do it in a folder of its own. Raises CalledProcessError for the first step that fails."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name in PROJECT:
            shutil.copy(HERE / name, folder)
        server = Server(folder)
        server.start()
        try:
            _make_and_run(folder, server.url)
        finally:
            server.stop()


def _make_and_run(folder: Path, url: str) -> None:
    for command in (
        ("npm", "ci", "--no-audit", "--no-fund"),
        ("node", "schema.mjs", url),
        ("npx", "--no-install", "tsc"),
        ("node", "made/client.js", url, DRAWINGS / "support"),
    ):
        subprocess.run(command, cwd=folder, check=True)


if __name__ == "__main__":
    main()
