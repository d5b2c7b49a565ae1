"""What the client sends of folders and files, and what it says of those it cannot send."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from kshot import APIError, Client, ClientError, ServerUnreachableError, SupportFolderError, UnsendableError
from kshot.uploads import MAX_FOLDER_BYTES
from tests.app.drawings import CLASSES, FOLDER, QUERY


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(FOLDER, tmp_path / "v1.2" / "symbols"))


def test_the_server_gets_all_of_a_folder(client: Client, folder: Path) -> None:
    (folder / CLASSES[0] / "more").mkdir()
    shutil.copy(QUERY[0], folder / CLASSES[0] / "more")
    (folder / CLASSES[0] / "notes.txt").write_text("mine")
    model = client.adapt(folder)
    assert model.shots == dict.fromkeys(CLASSES, 5) | {CLASSES[0]: 6}
    assert model.skipped == [f"{CLASSES[0]}/notes.txt"]
    assert client.adapt(folder.parent).shots == model.shots  # the folder around it


def test_the_server_says_what_is_wrong_with_a_folders_layout(client: Client, folder: Path) -> None:
    with pytest.raises(APIError, match="folder of its class") as caught:
        client.adapt(folder / CLASSES[0])
    assert caught.value.problem.type == "/problems/archive-layout"
    (folder / "empty").mkdir()
    with pytest.raises(APIError, match=r"folder empty holds no picture \(it is empty\)"):
        client.adapt(folder)


def test_a_folder_too_large_is_refused_before_it_is_read(client: Client, folder: Path) -> None:
    with (folder / "disk.img").open("wb") as file:
        file.truncate(MAX_FOLDER_BYTES)  # takes no space on the disk
    with pytest.raises(SupportFolderError, match="256 MiB"):
        client.adapt(folder)


def test_a_file_that_is_no_zip_is_named_as_it_is_called(client: Client) -> None:
    with pytest.raises(APIError, match=re.escape(f": {QUERY[0].name} ")):
        client.adapt(QUERY[0])


BAD = os.fsdecode(b"\xff")  # as the shell hands on a byte that is not UTF-8


@pytest.mark.parametrize(
    "call",
    [
        lambda client, bad: client.adapt(bad.parent),
        lambda client, bad: client.adapt([("a", bad), ("b", QUERY[0])]),
        lambda client, _: client.adapt(FOLDER, name=BAD),
        lambda client, bad: client.predict("0" * 32, [bad]),
        lambda client, _: client.predict(BAD, QUERY),
        lambda client, _: client.model(BAD),
    ],
)
def test_a_name_that_is_no_unicode_is_an_error_that_shows_it(
    client: Client, tmp_path: Path, call: Callable[[Client, Path], object]
) -> None:
    bad = tmp_path / f"{BAD}.png"
    bad.write_bytes(QUERY[0].read_bytes())
    with pytest.raises(UnsendableError, match=r"\\udcff.* is no valid Unicode"):
        call(client, bad)


def test_a_file_that_cannot_be_read_is_named(client: Client, tmp_path: Path) -> None:
    for call in (lambda path: client.predict("0" * 32, [path]), client.adapt):
        with pytest.raises(ClientError, match=re.escape("none.png")):
            call(tmp_path / "none.png")


def test_an_id_too_long_for_an_address_is_an_error(client: Client) -> None:
    with pytest.raises(UnsendableError):
        client.model("0" * 100_000)


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "gopher://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_names_the_setting(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ServerUnreachableError, match="ALL_PROXY"):
        Client("http://127.0.0.1:8000")


def test_an_answer_that_cannot_be_decoded_is_an_error() -> None:
    class Garbled(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(b"not gzip")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Keep the tests' output clean."""

    with HTTPServer(("127.0.0.1", 0), Garbled) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with (
            Client(f"http://127.0.0.1:{server.server_port}") as client,
            pytest.raises(ServerUnreachableError, match="DecodingError"),
        ):
            client.checkpoints()
        thread.join()
