"""`kshot train` as people run it: real processes, real drawings, killed and resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
import typer
from typer.testing import CliRunner, Result

from kshot.__main__ import command_line
from meta_training import commands
from models.checkpoint import load_checkpoint

STEPS = 20


@pytest.fixture(scope="module")
def data(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight classes of eight drawings."""
    folder = tmp_path_factory.mktemp("data") / "symbols"
    for part in ("support", "query", "more"):
        shutil.copytree(drawings / part, folder, dirs_exist_ok=True)
    return folder


def command(data: Path, out: Path, *more: str) -> list[str]:
    options = ["--data", str(data), "--out", str(out), "--meta-steps", str(STEPS), "--name", "symbols"]
    often = ["--save-every", "2", "--validate-every", "10", "--episodes", "4", "--threads", "1", "--meta-batch", "2"]
    return [str(Path(sys.executable).parent / "kshot"), "train", *options, *often, *more]


def invoke(arguments: list[str]) -> Result:
    """Run a command in this process, which has everything imported already."""
    with patch.object(sys, "argv", arguments):
        return CliRunner().invoke(command_line(), arguments[1:])


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "whole"
    done = invoke(command(data, out))
    assert done.exit_code == 0, done.output
    return out


def assert_same_weights(out: Path, finished: Path) -> None:
    ours, theirs = (load_checkpoint(folder / "symbols.safetensors").initialization for folder in (out, finished))
    assert ours.count == theirs.count
    torch.testing.assert_close(ours.parameters, theirs.parameters)
    torch.testing.assert_close(ours.moments, theirs.moments)


def wait_for_step(out: Path, step: int, process: subprocess.Popen[Any]) -> None:
    """Until the run has saved that meta step."""
    deadline = time.monotonic() + 60
    while not (out / "state.json").exists() or json.loads((out / "state.json").read_text())["step"] < step:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)


def interrupt(run: list[str], out: Path, step: int, number: signal.Signals) -> int:
    """Start a run, send it the signal once that meta step is saved, and return its exit status."""
    with subprocess.Popen(run, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        wait_for_step(out, step, process)
        process.send_signal(number)
        return process.wait(timeout=30)


def test_a_run_interrupted_twice_resumes_to_the_weights_of_an_uninterrupted_one(
    data: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    assert interrupt(command(data, out), out, 4, signal.SIGKILL) == -signal.SIGKILL
    assert interrupt(command(data, out, "--resume"), out, 8, signal.SIGTERM) == 130
    assert 8 <= json.loads((out / "state.json").read_text())["step"] < STEPS
    resumed = invoke(command(data, out, "--resume"))
    assert resumed.exit_code == 0, resumed.output
    assert_same_weights(out, finished)
    assert "--resume" not in load_checkpoint(out / "symbols.safetensors").metadata.command


def test_a_run_leaves_checkpoint_card_report_curve_and_events(finished: Path) -> None:
    card = json.loads((finished / "symbols.json").read_text())
    report = json.loads((finished / "report.json").read_text())
    assert card["digest"] == load_checkpoint(finished / "symbols.safetensors").digest
    assert card["command"].startswith("kshot train --data")
    assert len(card["data"]["test_classes"]) == 2
    assert report["step"] == STEPS
    assert [entry["step"] for entry in report["losses"]] == [10, 20]
    assert [entry["step"] for entry in report["validation"]] == [10, 20]
    assert (finished / "learning-curve.png").read_bytes().startswith(b"\x89PNG")
    assert list((finished / "events").glob("events.out.tfevents.*"))
    assert [file.name for file in finished.glob("*.safetensors")] == ["symbols.safetensors"]


def test_a_finished_run_is_neither_overwritten_nor_resumed_as_another(data: Path, finished: Path) -> None:
    again = invoke(command(data.parent / "nowhere", finished))  # said before any data is read
    assert again.exit_code == 1
    assert "holds a run already" in again.output
    other = invoke(command(data, finished, "--resume", "--seed", "5"))
    assert other.exit_code == 1
    assert "has seed = 0, not 5" in other.output


def test_resuming_a_finished_run_rewrites_nothing(data: Path, finished: Path) -> None:
    before = {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in finished.rglob("*")}
    again = invoke(command(data, finished, "--resume"))
    assert again.exit_code == 0, again.output
    assert "is finished" in again.output
    assert {file: (file.stat().st_mtime_ns, file.stat().st_size) for file in finished.rglob("*")} == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seed", "-1"], "--seed"),
        (["--seed", str(2**64)], "--seed"),
        (["--name", "Foo Bar"], "name must be"),
        (["--out", "{file}"], "cannot be a folder"),
        (["--out", "{file}/below"], "cannot be a folder"),
        (["--preset", "sine", "--out", "{file}"], "cannot be a folder"),
        (["--preset", "sine", "--resume"], "nothing to resume"),
        (["--preset", "sine", "--algorithm", "fomaml"], "this preset is Reptile's"),
        (["--algorithm", "maml"], "algorithm must be one of reptile, fomaml"),
        (["--tail-shots", "2"], "algorithm must be fomaml where there are tail_shots"),
        (["--resume"], "holds no run to resume"),
    ],
)
def test_what_cannot_be_run_is_said_before_any_data_is_read(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "file"
    file.touch()
    app = typer.Typer()
    app.command()(commands.train)
    given = [option.format(file=file) for option in options]
    done = CliRunner().invoke(app, ["--data", str(tmp_path / "nowhere"), *given])
    assert done.exit_code in (1, 2)
    assert isinstance(done.exception, SystemExit)
    assert message in done.output


def test_evaluate_scores_the_classes_held_out_by_the_card(data: Path, finished: Path) -> None:
    options = ["--data", str(data), "--ways", "2", "--shots", "1", "--episodes", "30"]
    done = invoke(["kshot", "evaluate", str(finished / "symbols.safetensors"), *options])
    assert done.exit_code == 0, done.output
    assert "2 test classes" in done.output
    assert "2-way 1-shot, k = 5:" in done.output
    assert "±" in done.output


def torchrun(*more: str) -> list[str]:
    return [
        str(Path(sys.executable).parent / "torchrun"),
        "--standalone",
        "--nproc-per-node",
        "2",
        *more,
        "--no-python",
    ]


def children(process: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(process)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def test_two_processes_both_killed_once_restart_and_come_to_the_weights_of_one(
    data: Path, finished: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with subprocess.Popen(
        [*torchrun("--max-restarts", "2"), *command(data, out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for rank, step in ((0, 4), (1, 10)):
            wait_for_step(out, step, process)
            os.kill(children(process.pid)[rank], signal.SIGKILL)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 0, stderr
    assert_same_weights(out, finished)
    assert load_checkpoint(out / "symbols.safetensors").metadata.command.startswith("torchrun --standalone --nproc")
    assert stdout.count("Score it once") == 1  # one process speaks for both
