"""The `kshot` command, as a person runs it, against a running server."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from typer.testing import CliRunner

from kshot import Client, ServerUnreachableError, __version__
from kshot.__main__ import command_line
from tests.app.drawings import DRAWINGS, QUERY
from tests.serving import Server, free_port, why_it_does_not_start

FOLDER = DRAWINGS / "support"
CLASSES = sorted(folder.name for folder in FOLDER.iterdir())

KSHOT = Path(sys.executable).with_name("kshot")

Done = subprocess.CompletedProcess[str]
Kshot = Callable[..., Done]


@pytest.fixture
def kshot(server: Server) -> Kshot:
    """The command in this process, which has all imported; `_run` is a process, as a shell starts it."""

    def run(*arguments: object) -> Done:
        given = [str(argument) for argument in arguments]
        done = CliRunner().invoke(command_line(), given, env={"KSHOT_URL": server.url}, prog_name="kshot")
        assert isinstance(done.exception, SystemExit | None), done.exc_info
        return Done(given, done.exit_code, done.stdout, done.stderr)

    return run


def _run(*arguments: object, cwd: Path | None = None, **environment: str) -> Done:
    return subprocess.run(
        [KSHOT, *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _json(done: Done) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_adapt_and_predict_answer_in_words(kshot: Kshot) -> None:
    adapted = kshot("adapt", FOLDER, "--name", "symbols")
    assert adapted.returncode == 0, adapted.stderr
    assert "5 classes with 25 images" in adapted.stdout
    next_command = adapted.stdout.splitlines()[-1].split()
    assert next_command[:3] == ["Next:", "kshot", "predict"]

    predicted = kshot("predict", next_command[3], *QUERY)
    assert predicted.returncode == 0, predicted.stderr
    rows = [line.split() for line in predicted.stdout.splitlines() if ".png" in line]
    assert [row[0] for row in rows] == [str(path) for path in QUERY]
    assert {row[1] for row in rows} <= set(CLASSES)


def test_adapt_predict_and_models_answer_in_json(kshot: Kshot) -> None:
    model = _json(kshot("adapt", FOLDER, "--steps", 1, "--seed", 3, "--ttl-seconds", 600, "--json"))
    assert (model["steps"], model["seed"]) == (1, 3)

    answer = _json(kshot("predict", model["id"], *QUERY, "--transductive", "--top-k", 1, "--json"))
    assert answer["transductive"] is True
    assert len(answer["predictions"]) == len(QUERY)

    listed = _json(kshot("models", "list", "--json"))
    assert model["id"] in [each["id"] for each in listed]
    assert _json(kshot("models", "show", model["id"], "--json"))["shots"] == model["shots"]
    assert _json(kshot("models", "delete", model["id"], "--json")) == [model["id"]]


def test_models_are_listed_shown_and_deleted(kshot: Kshot) -> None:
    name = "[bold]:warning: names are printed as they are"
    model_id = _json(kshot("adapt", FOLDER, "--name", name, "--json"))["id"]
    row = next(line for line in kshot("models", "list").stdout.splitlines() if model_id in line)
    assert name in row
    assert "never" in row
    shown = kshot("models", "show", model_id).stdout
    assert f"{CLASSES[0]} 5" in shown
    assert model_id in kshot("models", "delete", model_id).stdout

    other = _json(kshot("adapt", FOLDER, "--json"))["id"]
    partly = kshot("models", "delete", other, model_id)
    assert (partly.returncode, partly.stdout) == (1, f"Deleted {other}\n")
    assert model_id in partly.stderr

    gone = kshot("models", "show", model_id)
    assert gone.returncode == 1
    assert gone.stdout == ""
    assert model_id in gone.stderr


def test_predictions_as_csv_come_by_requests_of_any_number(kshot: Kshot) -> None:
    model = _json(kshot("adapt", FOLDER, "--json"))
    done = kshot("predict", model["id"], *QUERY * 4, "--csv")
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert done.stderr == ""
    assert [row["image"] for row in rows] == [str(path) for path in QUERY * 4]
    assert {row["label"] for row in rows} <= set(CLASSES)
    assert all(0 <= float(row["score"]) <= 1 and row["known"] in ("true", "false") for row in rows)
    assert kshot("predict", model["id"], QUERY[0], "--csv", "--json").returncode == 2


def test_a_csv_has_a_row_for_every_image_whatever_is_wrong_with_some(server: Server, tmp_path: Path) -> None:
    support = tmp_path / "support"
    for name, label in zip(CLASSES, ("=1+1", "目"), strict=False):
        shutil.copytree(FOLDER / name, support / label)
    empty, unsendable = tmp_path / "empty.png", tmp_path / os.fsdecode(b"\xff.png")
    empty.touch()
    for path in (unsendable, tmp_path / "+1.png"):
        shutil.copy(QUERY[0], path)
    ascii_console = {"KSHOT_URL": server.url, "PYTHONIOENCODING": "ascii"}
    adapted = _run("adapt", support, **ascii_console)
    assert "\\u76ee" in adapted.stdout, adapted.stderr
    model_id = adapted.stdout.splitlines()[-1].split()[3]
    files = ["+1.png", empty, *[QUERY[0].resolve()] * 60, unsendable]
    done = _run("predict", model_id, *files, "--csv", cwd=tmp_path, **ascii_console)
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert done.returncode == 1
    assert len(rows) == 63
    assert rows[0]["image"] == "'+1.png"
    assert {row["label"] for row in rows} <= {"'=1+1", "\\u76ee", ""}
    assert [number for number, row in enumerate(rows) if row["error"]] == [1, 62]
    assert "empty.png" in rows[1]["error"]


def test_the_shell_completes_commands() -> None:
    environment = {"_KSHOT_COMPLETE": "complete_bash", "COMP_WORDS": "kshot models ex", "COMP_CWORD": "2"}
    assert _run(**environment).stdout.split() == ["export"]


def test_a_model_is_edited_and_renamed(kshot: Kshot) -> None:
    model = _json(kshot("adapt", FOLDER, "--json"))
    assert kshot("models", "images", model["id"]).stdout.splitlines()[-1].split() == [
        "24",
        CLASSES[-1],
        f"{CLASSES[-1]}/5.png",
    ]
    more = DRAWINGS / "more"
    edited = kshot("models", "edit", model["id"], "--add", more, "--remove", 0, "--remove-class", CLASSES[1])
    assert edited.returncode == 0, edited.stderr
    assert "7 classes with 43 images" in edited.stdout
    child = edited.stdout.splitlines()[-1].split()[3]
    renamed = _json(kshot("models", "rename", child, "--name", "new", "--class", f"{CLASSES[0]}=a=b", "--json"))
    assert (renamed["name"], renamed["parent"], renamed["shots"]["a=b"]) == ("new", model["id"], 4)
    assert kshot("models", "rename", child, "--class", "a").returncode == 2


def test_a_model_is_exported_as_its_files_name_says(kshot: Kshot, tmp_path: Path) -> None:
    model = _json(kshot("adapt", FOLDER, "--json"))
    for name in ("m.onnx", "m.safetensors"):
        assert kshot("models", "export", model["id"], "-o", tmp_path / name).returncode == 0
    assert onnx.load(tmp_path / "m.onnx").graph.input[0].name == "images"
    assert json.loads((tmp_path / "m.onnx.json").read_text())["labels"] == CLASSES
    unwritten = kshot("models", "export", model["id"], "-o", tmp_path / "none" / "m.safetensors")
    assert (unwritten.returncode, unwritten.stderr.partition("\n")[0]) == (1, "The file could not be written")
    refused = kshot("models", "export", model["id"], "-o", tmp_path / "m.pt")
    assert refused.returncode == 2
    assert ".safetensors" in refused.stderr


def test_checkpoints_are_listed(kshot: Kshot) -> None:
    assert "omniglot" in kshot("checkpoints").stdout
    assert [each["name"] for each in _json(kshot("checkpoints", "--json"))] == ["omniglot"]


def test_what_the_server_refuses_is_said_with_its_remedy(kshot: Kshot, tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.touch()
    model_id = _json(kshot("adapt", FOLDER, "--json"))["id"]
    refused = kshot("predict", model_id, QUERY[0], empty)
    assert refused.returncode == 1
    assert "empty.png" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_where_no_server_is_the_command_says_how_to_start_one() -> None:
    done = _run("models", "list", KSHOT_URL=f"http://127.0.0.1:{free_port()}")
    assert done.returncode == 1
    assert "kshot serve" in done.stderr


def test_version_is_the_packages() -> None:
    assert _run("--version").stdout == f"kshot {__version__}\n"


def test_help_lists_every_command() -> None:
    shown = _run("--help").stdout
    for command in ("serve", "train", "evaluate", "report", "adapt", "predict", "models", "checkpoints"):
        assert command in shown


@pytest.mark.parametrize("command", ["train", "evaluate", "report"])
def test_commands_of_training_come_from_meta_training(command: str) -> None:
    done = _run(command, "--help")
    assert done.returncode == 0, done.stderr
    assert f"kshot {command}" in done.stdout


def test_train_without_its_extra_says_how_to_install_it() -> None:
    code = """
import sys
sys.modules.update(dict.fromkeys(["matplotlib", "tensorboard", "tqdm"]))  # None: importing it is an ImportError
sys.argv = ["kshot", "train", "--preset", "omniglot", "--data", "."]
from kshot.__main__ import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "kshot[train]" in done.stderr


def test_serve_with_settings_that_cannot_be_names_each() -> None:
    said = why_it_does_not_start("--port", 99999, KSHOT_DEVICE="abacus", KSHOT_MAX_IMAGES=0).splitlines()
    for name, value in (("KSHOT_PORT", "99999"), ("KSHOT_DEVICE", "'abacus'"), ("KSHOT_MAX_IMAGES", "'0'")):
        assert [line for line in said if name in line and line.count(value) == 1]


def test_a_name_that_cannot_be_sent_is_said_without_a_traceback(kshot: Kshot) -> None:
    done = kshot("models", "show", os.fsdecode(b"\xff"))
    assert done.returncode == 1
    assert "Unicode" in done.stderr
    assert "Traceback" not in done.stderr


def test_serve_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    port = free_port()
    command = [KSHOT, "serve", "--port", str(port), "--store", str(tmp_path / "models")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            _wait_until_ready(f"http://127.0.0.1:{port}")
        finally:
            process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM), log
    assert "Traceback" not in log


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + 60
    with Client(url) as client:
        while time.monotonic() < deadline:
            try:
                if client.ready():
                    return
            except ServerUnreachableError:
                pass
            time.sleep(0.1)
    pytest.fail("the server isn't ready after a minute")
