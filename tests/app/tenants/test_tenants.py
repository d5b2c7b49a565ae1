"""A server with API keys: who gets in, and that nobody sees or takes more than their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app.tenants.keys import KeyFile
from kshot import APIError, Client
from kshot.__main__ import command_line
from tests.app.drawings import FOLDER, QUERY, SUPPORT, images, labels
from tests.app.refusals import problem
from tests.serving import Server, wait_until, why_it_does_not_start

KSHOT = Path(sys.executable).with_name("kshot")


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    file = KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")
    file.add("first")
    return file


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, keys: KeyFile) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), keys=keys.path)
    server.start()
    yield server
    server.stop()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/docs", "/openapi.json", "/page/style.css"])
def test_paths_that_tell_nothing_about_tenants_need_no_key(guarded: Server, path: str) -> None:
    assert httpx.get(guarded.url + path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/adapt"),
        ("POST", "/predict"),
        ("GET", "/models"),
        ("GET", f"/models/{'0' * 32}/images"),
        ("GET", "/checkpoints"),
        ("GET", "/nothing"),
        ("GET", "//models"),
        ("GET", "/page/../models"),
    ],
)
def test_all_other_paths_need_a_key(guarded: Server, method: str, path: str) -> None:
    answer = httpx.request(method, guarded.url + path)
    assert "kshot_" in problem(answer, 401, "key-missing")["detail"]
    assert answer.headers["www-authenticate"].startswith("Bearer")
    problem(httpx.request(method, guarded.url + path, headers=bearer("kshot_nope")), 401, "key-invalid")
    problem(httpx.request(method, guarded.url + path, headers={"Authorization": "Basic eDp5"}), 401, "key-missing")


def test_a_refusal_reaches_a_client_that_still_uploads(guarded: Server) -> None:
    answer = httpx.post(f"{guarded.url}/adapt", files={"archive": ("a.zip", bytes(20 * 2**20))}, timeout=30)
    problem(answer, 401, "key-missing")


def test_a_tenant_sees_no_model_of_another(guarded: Server, keys: KeyFile) -> None:
    alice, bob = (keys.add(name)[1] for name in ("alice", "bob"))
    with Client(guarded.url, api_key=alice) as ours, Client(guarded.url, api_key=bob) as theirs:
        model = ours.adapt(FOLDER, keep_images=True)
        assert ours.predict(model.id, QUERY[:1]).model_id == model.id
        assert list(theirs.models()) == []
        assert [each.id for each in ours.models()] == [model.id]
        for attempt in (
            lambda: theirs.predict(model.id, QUERY[:1]),  # it is in the cache
            lambda: theirs.model(model.id),
            lambda: theirs.images(model.id),
            lambda: theirs.image(model.id, 0),
            lambda: theirs.export(model.id),
            lambda: theirs.rename(model.id, name="mine"),
            lambda: theirs.revise(model.id, remove=[0]),
            lambda: theirs.delete(model.id),
        ):
            with pytest.raises(APIError) as refused:
                attempt()
            assert refused.value.problem.status == 404
        second = keys.add("alice")[1]  # another key of the same tenant
        with Client(guarded.url, api_key=second) as again:
            assert again.model(model.id).name is None
    guarded.wait_for_log('"tenant": "alice"')


def test_a_revoked_key_is_refused_by_the_running_server(guarded: Server, keys: KeyFile) -> None:
    key, token = keys.add("carol")
    assert httpx.get(f"{guarded.url}/models", headers=bearer(token)).status_code == 200
    keys.revoke(key.id)
    problem(httpx.get(f"{guarded.url}/models", headers=bearer(token)), 401, "key-invalid")


def test_more_requests_a_minute_than_the_key_says_are_refused(guarded: Server, keys: KeyFile) -> None:
    token = keys.add("dave", requests_per_minute=3)[1]
    answers = [httpx.get(f"{guarded.url}/models", headers=bearer(token)) for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    problem(answers[-1], 429, "rate-exceeded")
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
    other = keys.add("erin")[1]
    assert httpx.get(f"{guarded.url}/models", headers=bearer(other)).status_code == 200


def test_no_more_models_are_kept_than_the_key_says(guarded: Server, keys: KeyFile) -> None:
    token = keys.add("frank", max_models=2)[1]

    def adapt(_: int) -> httpx.Response:
        files, form = images(SUPPORT[::5]), {**labels(SUPPORT[::5]), "steps": ["0"]}
        return httpx.post(f"{guarded.url}/adapt", files=files, data=form, headers=bearer(token), timeout=60)

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(adapt, range(6)))
    made = [each.json()["id"] for each in answers if each.status_code == 201]
    assert len(made) <= 2
    while len(made) < 2:
        made.append(adapt(0).raise_for_status().json()["id"])
    said = problem(adapt(0), 403, "quota-reached", resource="models", used=2, limit=2)
    assert "DELETE /models/{id}" in said["detail"]
    httpx.delete(f"{guarded.url}/models/{made[0]}", headers=bearer(token)).raise_for_status()
    assert adapt(0).status_code == 201


def test_no_more_bytes_are_kept_than_the_key_says(guarded: Server, keys: KeyFile) -> None:
    with Client(guarded.url, api_key=keys.add("grace", max_bytes=100_000)[1]) as client:
        client.adapt(FOLDER)
        with pytest.raises(APIError) as refused:
            client.adapt(FOLDER)
    assert (refused.value.problem.status, refused.value.problem.type) == (403, "/problems/quota-reached")


def test_the_command_line_and_the_client_take_the_key_from_the_environment(
    guarded: Server, keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KSHOT_API_KEY", keys.add("heidi")[1])
    with Client(guarded.url) as client:
        model = client.adapt(FOLDER)
    environment = {**os.environ, "KSHOT_URL": guarded.url}
    done = subprocess.run([KSHOT, "models", "list", "--json"], env=environment, capture_output=True, check=True)
    assert [each["id"] for each in json.loads(done.stdout)] == [model.id]


def test_all_models_of_a_tenant_are_deleted_at_once_and_nobody_elses(
    guarded: Server, keys: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    ivan, judy = (keys.add(name)[1] for name in ("ivan", "judy"))
    with Client(guarded.url, api_key=ivan) as ours, Client(guarded.url, api_key=judy) as theirs:
        made = [ours.adapt(FOLDER, steps=0, idempotency_key=str(number)) for number in range(2)]
        spared = theirs.adapt(FOLDER, steps=0)
        unsure = httpx.delete(f"{guarded.url}/models", headers=bearer(ivan))
        assert "send all=true" in problem(unsure, 422, "request-invalid", field="all")["detail"]
        assert ours.delete_all() == 2
        assert list(ours.models()) == []
        with pytest.raises(APIError):
            ours.predict(made[0].id, QUERY[:1])
        again = ours.adapt(FOLDER, steps=0, idempotency_key="0")
        assert again.id != made[0].id
        assert theirs.model(spared.id).id == spared.id
        purge = CliRunner().invoke(command_line(), ["keys", "purge", "ivan", "--store", str(guarded.store), "--yes"])
        assert purge.output == "Deleted 1 models of ivan.\n"
        assert list(ours.models()) == []
        for tenant, store in (("", guarded.store), ("ivan", guarded.store / "elsewhere")):
            refused = CliRunner().invoke(command_line(), ["keys", "purge", tenant, "--store", str(store), "--yes"])
            assert (refused.exit_code, refused.stderr.partition("\n")[0]) == (1, "Nothing was deleted")
        assert not (guarded.store / "elsewhere").exists()
    monkeypatch.setenv("KSHOT_API_KEY", judy)
    every = ["models", "delete", "--all", "--url", guarded.url]
    assert CliRunner().invoke(command_line(), every, input="n\n").exit_code == 1
    assert CliRunner().invoke(command_line(), [*every, "--yes"]).output == "Deleted 1 models\n"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])  # noqa: S104
def test_without_keys_a_server_keeps_to_the_loopback(tmp_path: Path, host: str) -> None:
    said = why_it_does_not_start("--host", host, "--store", tmp_path)
    for remedy in ("kshot keys add", "127.0.0.1", "KSHOT_ALLOW_ANONYMOUS"):
        assert remedy in said


def test_a_server_whose_keys_are_not_there_does_not_start(tmp_path: Path) -> None:
    said = why_it_does_not_start("--keys", tmp_path / "nope.json", "--store", tmp_path / "models")
    assert "kshot keys add" in said


def test_a_server_without_keys_says_so(tmp_path: Path) -> None:
    server = Server(tmp_path)
    server.start(until="/livez")
    try:
        wait_until(lambda: "no API keys" in server.log.read_text(), 5)
    finally:
        server.stop()
