"""A checkpoint for photographs from a user's own class folders, made and served by the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kshot import Client
from tests.serving import Server

CLOTHING = Path(os.environ.get("KSHOT_DATA", "../shared/data")) / "clothing.tar"
PHOTOS = Path(__file__).parent.parent / "data" / "photos"


@pytest.mark.skipif(not CLOTHING.exists(), reason="needs clothing.tar in KSHOT_DATA")
def test_a_users_own_photos_become_a_checkpoint_that_serves(tmp_path: Path) -> None:
    kshot, out = str(Path(sys.executable).parent / "kshot"), tmp_path / "run"
    options = ["--preset", "photo", "--data", str(CLOTHING), "--out", str(out), "--name", "clothes", "--threads", "1"]
    few = ["--meta-steps", "2", "--validate-every", "2", "--episodes", "2"]
    done = subprocess.run([kshot, "train", *options, *few], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "Score it once on the test classes" in done.stdout
    server = Server(tmp_path, checkpoints=out, checkpoint="clothes")
    server.start()
    try:
        with Client(server.url) as client:
            model = client.adapt(PHOTOS / "support")
            answer = client.predict(model.id, sorted(PHOTOS.glob("query/hat/*.jpg")))
    finally:
        server.stop()
    assert model.checkpoint.name == "clothes"
    assert [said.label for said in answer.predictions].count("hat") >= 2
