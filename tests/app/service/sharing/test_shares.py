"""Shares over HTTP: a token predicts with one model, for as long as it was given, and does nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from app.store import DirectoryStore
from app.tenants.keys import KeyFile
from kshot import APIError, Client, NewShare
from kshot.__main__ import command_line
from tests.app.drawings import FOLDER, QUERY
from tests.app.refusals import problem
from tests.serving import Server

RECORDS = Path(__file__).parents[3] / "data" / "records"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyFile:
    file = KeyFile(tmp_path_factory.mktemp("keys") / "keys.json")
    file.add("metrics-only", metrics=True)
    return file


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, keys: KeyFile) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("guarded"), keys=keys.path, frame_ancestors="https://school.example")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def owner(guarded: Server, keys: KeyFile) -> Iterator[Client]:
    with Client(guarded.url, api_key=keys.add("owner")[1]) as client:
        yield client


@pytest.fixture(scope="module")
def model_id(owner: Client) -> str:
    return owner.adapt(FOLDER, steps=0).id


def ask(url: str, token: str, model_id: str) -> httpx.Response:
    form = {"model_id": model_id}
    files = {"images": QUERY[0].read_bytes()}
    return httpx.post(f"{url}/predict", data=form, files=files, headers=bearer(token))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_share_predicts_without_a_key_until_it_is_revoked(guarded: Server, owner: Client, model_id: str) -> None:
    share = owner.share(model_id, name="class 7b")
    assert share.link == f"{guarded.url}/m/{model_id}#{share.token}"
    assert httpx.get(share.link).status_code == 200
    assert ask(guarded.url, share.token, model_id).json()["model_id"] == model_id
    assert [(each.id, each.name) for each in owner.shares(model_id)] == [(share.id, "class 7b")]
    guarded.wait_for_log('"tenant": "owner"')
    owner.unshare(model_id, share.id)
    problem(ask(guarded.url, share.token, model_id), 401, "share-invalid")
    assert owner.shares(model_id) == []
    with pytest.raises(APIError) as refused:
        owner.unshare(model_id, share.id)
    assert refused.value.problem.type == "/problems/share-not-found"


def test_all_else_is_refused_with_its_token(guarded: Server, owner: Client, model_id: str) -> None:
    share = owner.share(model_id)
    for method, path in (
        ("GET", "/models"),
        ("GET", f"/models/{model_id}"),
        ("DELETE", f"/models/{model_id}"),
        ("GET", f"/models/{model_id}/images"),
        ("GET", f"/models/{model_id}/export"),
        ("POST", f"/models/{model_id}/shares"),
        ("POST", f"/models/{model_id}/rank"),
        ("POST", "/adapt"),
        ("POST", "/inspect"),
        ("GET", "/predict"),
        ("GET", "/checkpoints"),
        ("GET", "/metrics"),
    ):
        problem(httpx.request(method, guarded.url + path, headers=bearer(share.token)), 401, "share-invalid")
    other = owner.adapt(FOLDER, steps=0).id
    problem(ask(guarded.url, share.token, other), 404, "model-not-found")
    most, owners_name = share.token.rsplit("_", 1)
    guessed = f"{most[:-1]}{(int(most[-1], 16) + 1) % 16:x}_{owners_name}"
    for forged in (
        guessed,
        f"{most}_other",
        share.token.replace(model_id, other),
        "kshot_share_",
        "kshot_share_x",
    ):
        problem(ask(guarded.url, forged, model_id), 401, "share-invalid")


def test_an_expired_share_is_refused_and_no_longer_listed(guarded: Server, owner: Client, model_id: str) -> None:
    share = owner.share(model_id, ttl_seconds=1)
    assert ask(guarded.url, share.token, model_id).status_code == 200
    time.sleep(1)
    problem(ask(guarded.url, share.token, model_id), 401, "share-invalid")
    assert share.id not in [each.id for each in owner.shares(model_id)]


def test_a_share_goes_with_its_model_and_with_its_owners_last_key(guarded: Server, keys: KeyFile) -> None:
    key, token = keys.add("leaver")
    with Client(guarded.url, api_key=token) as client:
        gone, kept = (client.adapt(FOLDER, steps=0, ttl_seconds=3600) for _ in range(2))
        shares = [client.share(each.id) for each in (gone, kept)]
        assert [each.expires_at for each in shares] == [gone.expires_at, kept.expires_at]
        client.delete(gone.id)
        problem(ask(guarded.url, shares[0].token, gone.id), 401, "share-invalid")
        assert ask(guarded.url, shares[1].token, kept.id).status_code == 200
        keys.revoke(key.id)
        problem(ask(guarded.url, shares[1].token, kept.id), 401, "share-invalid")


def test_what_is_asked_by_a_share_is_of_its_owners_requests_a_minute(guarded: Server, keys: KeyFile) -> None:
    token = keys.add("thrifty", requests_per_minute=4)[1]
    with Client(guarded.url, api_key=token, retries=0) as client:
        model = client.adapt(FOLDER, steps=0)
        share = client.share(model.id)
        assert [ask(guarded.url, share.token, model.id).status_code for _ in range(3)] == [200, 200, 429]
        with pytest.raises(APIError) as refused:
            client.models().__next__()
    assert refused.value.problem.type == "/problems/rate-exceeded"


def test_nobody_elses_model_is_shared(guarded: Server, keys: KeyFile, model_id: str) -> None:
    with Client(guarded.url, api_key=keys.add("stranger")[1]) as client:
        for attempt in (
            lambda: client.share(model_id),
            lambda: client.shares(model_id),
            lambda: client.unshare(model_id, "0" * 12),
        ):
            with pytest.raises(APIError) as refused:
                attempt()
            assert refused.value.problem.status == 404


def test_a_hundred_shares_of_a_model_are_the_most(guarded: Server, owner: Client) -> None:
    model_id = owner.adapt(FOLDER, steps=0).id
    owner.share(model_id)
    store = DirectoryStore(guarded.store).of("owner")
    store.update(model_id, lambda record: record.model_copy(update={"shares": record.shares * 99}))
    owner.share(model_id)
    with pytest.raises(APIError) as refused:
        owner.share(model_id)
    assert refused.value.problem.type == "/problems/quota-reached"


@pytest.mark.parametrize("options", [{"ttl_seconds": 0}, {"name": "x" * 201}, {"lifetime": 5}])
def test_options_that_are_not_understood_are_named(server: Server, client: Client, options: dict[str, object]) -> None:
    model_id = client.adapt(FOLDER, steps=0).id
    answer = httpx.post(f"{server.url}/models/{model_id}/shares", json=options)
    problem(answer, 422, "request-invalid", field=next(iter(options)))


def test_a_server_without_keys_shares_too_by_the_command_line(server: Server, client: Client) -> None:
    model_id = client.adapt(FOLDER, steps=0).id
    run = lambda *words: CliRunner().invoke(command_line(), ["models", *words, "--url", server.url])  # noqa: E731
    made = run("share", model_id, "--name", "friends", "--json")
    share = NewShare.model_validate_json(made.stdout)
    assert ask(server.url, share.token, model_id).status_code == 200
    assert ask(server.url, share.token, client.adapt(FOLDER, steps=0).id).status_code == 404
    problem(httpx.get(f"{server.url}/models", headers=bearer(share.token)), 401, "share-invalid")
    assert "friends" in run("shares", model_id).stdout
    assert run("share", model_id).stdout.startswith(f"{server.url}/m/{model_id}#kshot_share_{model_id}_")
    assert run("unshare", model_id, share.id).stdout == f"Revoked {share.id}\n"
    problem(ask(server.url, share.token, model_id), 401, "share-invalid")


def test_a_refused_token_loads_no_model(server: Server, client: Client) -> None:
    """It might push those out of memory that others ask."""
    share = client.share(client.adapt(FOLDER, steps=0).id)
    model_id = share.token.split("_")[2]
    forged = share.token[:-1] + ("0" if share.token[-1] != "0" else "1")
    before = lookups(server)
    problem(ask(server.url, forged, model_id), 401, "share-invalid")
    assert lookups(server) == before
    assert ask(server.url, share.token, model_id).status_code == 200
    assert lookups(server) > before


def lookups(server: Server) -> float:
    """How often a model was looked for in memory."""
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("kshot_cache_lookups_total"))


def test_the_page_of_a_share_is_framed_where_the_operator_allows_it_alone(guarded: Server, server: Server) -> None:
    framed, alone = (httpx.get(f"{each.url}/m/{'0' * 32}").headers for each in (guarded, server))
    assert "frame-ancestors https://school.example" in framed["content-security-policy"]
    assert "frame-ancestors 'none'" in alone["content-security-policy"]
    assert "frame-ancestors 'none'" in httpx.get(guarded.url).headers["content-security-policy"]
    inside = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    assert httpx.get(f"{server.url}/m/{'0' * 32}", headers=inside).status_code == 403


def test_a_site_that_may_frame_the_page_of_a_share_opens_no_other(tmp_path: Path) -> None:
    server = Server(tmp_path, frame_ancestors="https://school.example")
    server.start()
    inside = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}
    with httpx.Client(base_url=server.url, headers=inside) as frame:
        assert frame.get(f"/m/{'0' * 32}").status_code == 200
        assert [frame.get(path).status_code for path in ("/", "/docs", "/models")] == [403, 403, 403]
        assert frame.get(f"/m/{'0' * 32}", headers={"Sec-Fetch-Mode": "cors"}).status_code == 403
    server.stop()


def test_a_stored_model_with_shares_is_read() -> None:
    (record,), _ = DirectoryStore(RECORDS / "shared").page(10)
    (share,) = record.shares
    assert (share.name, len(share.digest), share.expires_at > share.created_at) == ("class 7b", 64, True)
