"""What the service answers is what /openapi.json says, whatever is sent: schemathesis, with all of its checks.

KSHOT_EXAMPLES=1000 python -m pytest tests/faults/test_contract.py is the long run.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.app.drawings import SUPPORT, adapt
from tests.serving import Server

HERE = Path(__file__).parent
COMMAND = [Path(sys.executable).with_name("schemathesis"), "--no-color", "--config-file", HERE / "schemathesis.toml"]


def test_the_service_keeps_to_its_openapi_document(server: Server, tmp_path: Path) -> None:
    kept, deleted = (adapt(server.url, SUPPORT[::5], steps=0).json()["id"] for _ in range(2))
    examples = os.environ.get("KSHOT_EXAMPLES", "25")
    done = subprocess.run(
        [*COMMAND, "run", f"{server.url}/openapi.json", "--max-examples", examples, "--seed", "1"],
        env={**os.environ, "KSHOT_MODEL": kept, "KSHOT_DELETED": deleted, "PYTHONPATH": str(HERE.parent.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "unexpected error" not in server.log.read_text()
