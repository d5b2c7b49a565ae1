"""The README's commands, pasted as they are, in order, against a running server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import ROOT, blocks, look_like_a_clone, run, section
from tests.serving import Server

README = (ROOT / "README.md").read_text()
# Fewer steps, and a server that loads its checkpoints and ends.
SHORTER = {
    "--preset sine": "--preset sine --meta-steps 20",
    "--meta-steps 100": "--meta-steps 2 --episodes 2",
    "--port 8001": "--check",
}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    look_like_a_clone(tmp_path)
    return tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_three_ways_to_use_it_work_as_pasted(shipped: Server, clone: Path) -> None:
    pasted = blocks(section(README, "Three ways to use it"), marked=True)
    with_curl, with_commands, with_python = run(pasted, clone, shipped.url)
    model = json.loads((clone / "model.json").read_text())
    (hat,) = json.loads(with_curl)["predictions"]
    assert model["classes"] == ["dress", "hat", "pants", "shoes", "t-shirt"]
    assert (hat["label"], hat["known"]) == ("hat", True)
    assert model["id"] in with_commands
    assert with_python.startswith("hat 0.")


def test_training_works_as_pasted(clone: Path) -> None:
    (said,) = run(blocks(section(README, "Train your own"), marked=True), clone, "http://127.0.0.1:9", SHORTER)
    assert "meta-trained by Reptile" in said
    assert (clone / "runs" / "sine" / "sine.png").exists()
    assert "2-way 1-shot" in said


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_task_of_the_guide_works_as_pasted(shipped: Server, clone: Path) -> None:
    pasted = blocks((ROOT / "docs" / "using.md").read_text(), marked=True)
    printed = run(pasted, clone, shipped.url)
    hat, drawing = next(json.loads(text) for text in printed if text.startswith('{"model_id"'))["predictions"]
    assert (hat["label"], hat["known"], drawing["known"]) == ("hat", True, False)
    assert (clone / "predictions.csv").read_text().count("\n") == 16
    assert (clone / "clothes.onnx").stat().st_size > 1e6
    model = json.loads((clone / "model.json").read_text())
    again = json.loads(printed[-2])
    assert again["classes"] == model["classes"]
    assert again["id"] in shipped.models()
    assert model["id"] not in shipped.models()


def test_every_block_is_run_or_installs_something() -> None:
    lines = [line for _, block in blocks(README, marked=False) for line in block.splitlines()]
    assert all(line.startswith((". ", "make ", "pip install ")) for line in lines), lines


def test_make_has_the_targets_that_are_named() -> None:
    for target in set(re.findall(r"(?:^|`)make ([a-z]+)", README, re.MULTILINE)):
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, check=True)


def test_commands_within_sentences_have_the_options_that_are_named() -> None:
    commands = re.findall(r"`kshot ((?:[a-z]+ )+)([^`]*--[^`]*)`", README)
    assert commands
    kshot = Path(sys.executable).parent / "kshot"
    for names, arguments in commands:
        shown = subprocess.run([kshot, *names.split(), "--help"], capture_output=True, text=True, check=True).stdout
        missing = [option for option in re.findall(r"--[a-z-]+", arguments) if option not in shown]
        assert missing == [], names


def test_it_is_short() -> None:
    assert 900 <= len(README.split()) <= 1100
