"""The scripts in examples/ do what they say, against a running server. run_onnx.py: see test_export."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

from tests.serving import Server

ROOT = Path(__file__).parent.parent
PHOTOS = ROOT / "tests" / "data" / "photos"


def run(server: Server, script: str, *arguments: object) -> str:
    command = [sys.executable, ROOT / "examples" / script, *map(str, arguments)]
    environment = {**os.environ, "KSHOT_URL": server.url, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_drawings(shipped: Server) -> None:
    said = run(shipped, "drawings.py")
    assert "step 5 of 5" in said
    pairs = [line.split(" is ") for line in said.splitlines() if " is " in line]
    right = [picture for picture, label in pairs if picture.split("/")[0] == label.split()[0]]
    assert len(pairs) == 15
    assert len(right) >= 12


def test_photos_and_a_folder_of_them_as_csv(shipped: Server) -> None:
    said = run(shipped, "photos.py")
    assert "of 24 photos" in said
    model_id = said.splitlines()[-1].split()[3].rstrip(",")
    rows = list(csv.DictReader(run(shipped, "predict_folder.py", model_id, PHOTOS / "query").splitlines()))
    right = [row for row in rows if Path(row["picture"]).parent.name == row["label"]]
    assert len(rows) == 15
    assert len(right) >= 12


def test_the_readme_names_every_example() -> None:
    readme = (ROOT / "README.md").read_text()
    for script in (ROOT / "examples").glob("*.py"):
        assert f"examples/{script.name}" in readme
