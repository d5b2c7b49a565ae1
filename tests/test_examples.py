"""The scripts in examples/ do what they say, against a running server. run_onnx.py: see test_export."""

from __future__ import annotations

import csv
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import paho.mqtt.client as mqtt
import pytest

from kshot import Client
from tests.serving import Server, free_port, wait_until

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


def test_a_watched_folder_is_sorted_and_learns_what_is_moved(shipped: Server, tmp_path: Path) -> None:
    for part, names in (("labelled", ("hat", "shoes")), ("inbox", ("hat", "shoes", "pants"))):
        for name in names:
            source = PHOTOS / ("support" if part == "labelled" else "query") / name
            folder = tmp_path / part / (name if part == "labelled" else "")
            folder.mkdir(parents=True, exist_ok=True)
            for file in source.iterdir():
                shutil.copy(file, folder / f"{name}-{file.name}")
    with watching(shipped, "watch_folder.py", tmp_path) as lines:
        wait_for(lines, "Learnt 10 pictures of hat, shoes")
        wait_until(lambda: not list((tmp_path / "inbox").iterdir()), 30)
        assert len(list((tmp_path / "sorted" / "hat").glob("hat-*"))) >= 2
        pants = list((tmp_path / "sorted").rglob("pants-*"))
        assert len(pants) == 3
        (tmp_path / "inbox" / "broken.jpg").write_bytes(b"no picture")
        wait_until(lambda: (tmp_path / "sorted" / "unsure" / "broken.jpg").exists(), 30)
        (tmp_path / "labelled" / "pants").mkdir()
        for file in pants:
            file.rename(tmp_path / "labelled" / "pants" / file.name)
        wait_for(lines, "Learnt 13 pictures of hat, pants, shoes")
        for file in (PHOTOS / "support" / "pants").iterdir():
            shutil.copy(file, tmp_path / "inbox" / f"pants-{file.name}")
        wait_until(lambda: not list((tmp_path / "inbox").iterdir()), 30)
        (tmp_path / "labelled" / "pants" / "broken.jpg").write_bytes(b"no picture")  # nothing ends for it
        wait_for(lines, "broken.jpg")
    assert len(list((tmp_path / "sorted" / "pants").iterdir())) >= 3
    assert len(list(tmp_path.rglob("pants-*"))) == 8  # none is lost


@pytest.mark.skipif(shutil.which("mosquitto") is None, reason="needs a broker: apt-get install mosquitto")
def test_what_a_camera_sees_is_said_by_mqtt(shipped: Server, tmp_path: Path) -> None:
    with Client(shipped.url) as kshot:
        model_id = kshot.adapt(PHOTOS / "support").id
    port = free_port()
    (tmp_path / "conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
    heard = Queue[bytes]()
    listener = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    listener.on_message = lambda _, __, message: heard.put(message.payload)
    with running(["mosquitto", "-c", str(tmp_path / "conf")]):
        wait_until(lambda: accepts(port), 10)
        listener.connect("127.0.0.1", port)
        listener.subscribe("kshot/porch/person")
        listener.loop_start()
        with watching(shipped, "frigate.py", model_id, f"127.0.0.1:{port}") as lines:
            wait_for(lines, "Listening")
            for snapshot in (b"no picture", (PHOTOS / "query" / "hat" / "6.jpg").read_bytes()):
                listener.publish("frigate/porch/person/snapshot", snapshot)
            said = json.loads(heard.get(timeout=30))
        listener.loop_stop()
        listener.disconnect()
    assert (said["label"], said["known"]) == ("hat", True)


@contextmanager
def watching(server: Server, script: str, *arguments: object) -> Iterator[Queue[str]]:
    """Run a script that goes on for ever, and give the lines that it prints."""
    environment = {**os.environ, "KSHOT_URL": server.url, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / script), *map(str, arguments)]
    lines = Queue[str]()
    with running(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        reader = Thread(target=lambda: [lines.put(line) for line in process.stdout])
        reader.start()
        yield lines
        assert process.poll() is None
        process.terminate()
        reader.join()


@contextmanager
def running(command: list[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.terminate()


def wait_for(lines: Queue[str], said: str) -> None:
    while said not in lines.get(timeout=60):
        pass


def accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_readme_names_every_example() -> None:
    readme = (ROOT / "README.md").read_text()
    for script in (ROOT / "examples").glob("*.py"):
        assert f"examples/{script.name}" in readme
