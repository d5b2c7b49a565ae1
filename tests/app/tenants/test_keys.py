"""The file of API keys, and the command that changes it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from app.errors import KeysUnavailable
from app.tenants.keys import KeyFile
from app.tenants.token_bucket import TokenBuckets

KSHOT = Path(sys.executable).with_name("kshot")


def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [KSHOT, "keys", *arguments, "--keys", path], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_key_is_shown_once_and_its_hash_alone_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys.json"
    made = run(path, "add", "alice", "--max-models", "7")
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert token.rpartition("_")[2] not in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["keys.json"]
    key = KeyFile(path).find(token)
    assert key is not None
    assert (key.tenant, key.max_models, key.max_bytes) == ("alice", 7, None)

    listed = run(path, "list")
    assert "alice" in listed.stdout
    assert key.id in listed.stdout
    assert run(path, "revoke", key.id).returncode == 0
    assert KeyFile(path).find(token) is None
    assert run(path, "revoke", key.id).returncode == 1


@pytest.mark.parametrize("name", ["Alice", "../etc", "", "a" * 65])
def test_a_name_that_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    done = run(tmp_path / "keys.json", "add", name)
    assert done.returncode == 1
    assert "tenant" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_with_another_secret_is_not_found(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    key, token = file.add("alice")
    other = "0" if token[-1] != "0" else "1"
    for wrong in (token[:-1] + other, token[:-1], f"kshot_{key.id}_", "kshot_", "", key.digest):
        assert file.find(wrong) is None
    assert file.find(token) == key


def test_a_damaged_file_lets_nobody_in(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    file = KeyFile(path)
    _, token = file.add("alice")
    assert file.find(token)
    path.write_text("[{")
    with pytest.raises(KeysUnavailable, match=r"keys\.json"):
        file.find(token)


def test_keys_of_older_releases_are_read_and_those_of_newer_ones_are_named_and_left(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    file = KeyFile(path)
    key, token = file.add("alice")
    (document,) = json.loads(path.read_text())
    assert document.pop("format_version") == 1
    path.write_text(json.dumps([document]))
    assert KeyFile(path).find(token) == key
    newer = json.dumps([{**document, "format_version": 2}])
    path.write_text(newer)
    for call in (lambda: file.find(token), lambda: file.add("bob"), lambda: file.revoke(key.id)):
        with pytest.raises(KeysUnavailable, match=f"a newer release made: {key.id}"):
            call()
    assert path.read_text() == newer


def test_a_bucket_holds_a_minute_and_refills_evenly() -> None:
    now = 100.0
    buckets = TokenBuckets(lambda: now)
    assert [buckets.take("a", 6) for _ in range(7)] == [0, 0, 0, 0, 0, 0, pytest.approx(10)]
    assert buckets.take("b", 6) == 0
    now += 10.001
    assert buckets.take("a", 6) == 0
    assert buckets.take("a", 6) == pytest.approx(9.999)
    now += 1000
    assert [bool(buckets.take("a", 6)) for _ in range(7)] == [False] * 6 + [True]
