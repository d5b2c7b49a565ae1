"""A user's own class folders become one more initialization of the shipped checkpoint, made and served by commands."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from kshot import Client
from tests.serving import Server

CLOTHING = Path(os.environ.get("KSHOT_DATA", "../shared/data")) / "clothing.tar"
PHOTOS = Path(__file__).parent.parent / "data" / "photos"


PICTURES = 8  # of each class


@pytest.fixture
def clothes(tmp_path: Path) -> Path:
    """A few pictures of each class, in class folders."""
    with tarfile.open(CLOTHING) as archive:
        wanted = [member for member in archive if member.isreg() and int(Path(member.name).stem) < PICTURES]
        archive.extractall(tmp_path, wanted, filter="data")
    return tmp_path / "clothing"


@pytest.mark.skipif(not CLOTHING.exists(), reason="needs clothing.tar in KSHOT_DATA")
def test_a_users_own_photos_become_an_initialization_that_is_served(tmp_path: Path, clothes: Path) -> None:
    kshot, out = str(Path(sys.executable).parent / "kshot"), tmp_path / "run"
    options = ["--preset", "photo", "--data", str(clothes), "--out", str(out), "--name", "clothes", "--threads", "1"]
    few = ["--meta-steps", "1", "--meta-batch", "2", "--validate-every", "1", "--episodes", "2"]
    done = subprocess.run([kshot, "train", *options, *few], capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert "Score it once on the test classes" in done.stdout
    server = Server(tmp_path, checkpoints=out, checkpoint="clothes")
    server.start()
    try:
        with Client(server.url) as client:
            (about,) = client.checkpoints()
            model = client.adapt(PHOTOS / "support")
            answer = client.predict(model.id, sorted(PHOTOS.glob("query/hat/*.jpg")))
    finally:
        server.stop()
    assert "clothes" in about.initializations
    assert model.checkpoint.name == "clothes"
    assert model.initialization["clothes"] > 0.5  # they are photos of clothes
    assert [said.label for said in answer.predictions].count("hat") >= 2
