"""Training on two machines, of which both are this one: a process that is killed, and the weights of one process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from meta_training.ranks import FRESH_STORE
from models.checkpoint import load_checkpoint
from tests.serving import free_port

pytestmark = pytest.mark.deploy
BIN = Path(sys.executable).parent
STEPS = 40


@pytest.fixture
def command(drawings: Path, tmp_path: Path) -> list[str]:
    """A run on all drawings that there are; its folder is to be added."""
    for part in ("support", "query", "more"):
        shutil.copytree(drawings / part, tmp_path / "symbols", dirs_exist_ok=True)
    often = ["--save-every", "2", "--validate-every", str(STEPS), "--episodes", "2", "--threads", "1"]
    size = ["--meta-steps", str(STEPS), "--meta-batch", "2", "--name", "symbols"]
    return [str(BIN / "kshot"), "train", "--data", str(tmp_path / "symbols"), *size, *often, "--out"]


def test_a_process_killed_on_one_node_restarts_all_and_they_come_to_the_weights_of_one(
    command: list[str], tmp_path: Path
) -> None:
    meeting = ["--rdzv-backend", "c10d", "--rdzv-endpoint", f"127.0.0.1:{free_port()}", "--rdzv-id", "run"]
    torchrun = [str(BIN / "torchrun"), "--nnodes", "2", "--nproc-per-node", "1", "--max-restarts", "6", *meeting]
    run = [*torchrun, "--no-python", *command, str(tmp_path / "two")]
    environment = {**os.environ, FRESH_STORE: "1"}
    nodes = [subprocess.Popen(run, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        wait_for_step(tmp_path / "two", 6)
        os.kill(child(nodes[1].pid), signal.SIGKILL)
        said = [node.communicate(timeout=300)[1] for node in nodes]
    finally:
        for node in nodes:
            node.terminate()
            node.communicate()
    assert [node.returncode for node in nodes] == [0, 0], said
    subprocess.run([*command, str(tmp_path / "one")], check=True, capture_output=True)
    two, one = (load_checkpoint(tmp_path / name / "symbols.safetensors") for name in ("two", "one"))
    torch.testing.assert_close(two.initialization.parameters, one.initialization.parameters)
    assert two.metadata.command.startswith("torchrun --nnodes 2 --rdzv-backend c10d --rdzv-endpoint HOST:PORT --nproc")


def wait_for_step(out: Path, step: int) -> None:
    """Until the run has saved that meta step."""
    deadline = time.monotonic() + 120
    while not (out / "state.json").exists() or json.loads((out / "state.json").read_text())["step"] < step:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def child(process: int) -> int:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=True)
    return int(found.stdout.split()[0])
