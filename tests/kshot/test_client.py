"""The typed client against a running server."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from kshot import APIError, AsyncClient, Client, ServerUnreachableError
from tests.app.drawings import CLASSES, FOLDER, QUERY, SUPPORT, label
from tests.serving import Server, free_port


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    return Path(shutil.make_archive(str(tmp_path / "drawings"), "zip", FOLDER))


def test_a_folder_of_class_folders_becomes_a_classifier_of_new_drawings(client: Client) -> None:
    model = client.adapt(FOLDER)
    assert model.shots == dict.fromkeys(CLASSES, 5)
    assert _share_right(client, model.id) >= 0.8


def test_folder_zip_paths_and_bytes_of_the_same_drawings_are_the_same_support_set(client: Client, zipped: Path) -> None:
    forms = [
        FOLDER,
        str(FOLDER),
        zipped,
        [(label(path), path) for path in SUPPORT],
        [(label(path), path.read_bytes()) for path in SUPPORT],
    ]
    models = [client.adapt(form, seed=1) for form in forms]
    assert all(model.shots == dict.fromkeys(CLASSES, 5) for model in models)
    for model in models:
        assert model.loss_curve == pytest.approx(models[0].loss_curve, rel=1e-3, abs=1e-4)


def test_options_reach_the_server(client: Client) -> None:
    model = client.adapt(FOLDER, name="symbols", steps=2, learning_rate=0.002, seed=7, ttl_seconds=3600)
    assert (model.name, model.steps, model.learning_rate, model.seed) == ("symbols", 2, 0.002, 7)
    assert len(model.loss_curve) == 3
    assert model.expires_at is not None

    answer = client.predict(model.id, QUERY, top_k=2, transductive=True)
    assert answer.transductive
    assert {len(prediction.top) for prediction in answer.predictions} == {2}


def test_an_option_of_none_is_left_to_the_server(client: Client) -> None:
    assert client.adapt(FOLDER, steps=None).steps == client.adapt(FOLDER).steps


def test_models_are_listed_over_all_pages_shown_and_deleted(client: Client, server: Server) -> None:
    pair = [("one", SUPPORT[0]), ("other", SUPPORT[-1])]
    made = [client.adapt(pair, steps=0).id for _ in range(101)]
    assert httpx.get(f"{server.url}/models").json()["next_cursor"] is not None
    listed = [model.id for model in client.models()]
    assert set(made) <= set(listed)
    assert len(set(listed)) == len(listed)
    assert client.model(made[0]).classes == ["one", "other"]
    for model_id in made:
        client.delete(model_id)
    assert not set(made) & {model.id for model in client.models()}


def test_a_version_is_made_of_other_images_and_gets_other_names(client: Client) -> None:
    pairs = [(label(path), path) for path in SUPPORT]
    model = client.adapt(pairs[:-1], name="old")
    child = client.revise(model.id, pairs[-1:], remove=[0], remove_class=[CLASSES[1]], steps=2)
    assert (child.parent, child.version, child.steps, child.name) == (model.id, 2, 2, "old")
    assert child.shots[CLASSES[0]] == 4
    assert CLASSES[1] not in child.classes
    named = client.rename(child.id, classes={CLASSES[0]: "first"})
    assert (named.name, named.classes[0]) == ("old", "first")
    assert client.rename(child.id, name="new").classes == named.classes
    images = client.images(child.id)
    assert [image.index for image in images] == list(range(19))
    again = client.revise(child.id, [("first", client.image(child.id, 0))], remove=[0])
    assert again.support_accuracy == child.support_accuracy


def test_a_deleted_model_is_an_error_that_says_so(client: Client) -> None:
    model = client.adapt(FOLDER, steps=0)
    client.delete(model.id)
    with pytest.raises(APIError, match=model.id) as caught:
        client.predict(model.id, QUERY)
    assert (caught.value.problem.type, caught.value.problem.status) == ("/problems/model-not-found", 404)


def test_an_id_of_other_characters_stays_one_id(client: Client) -> None:
    with pytest.raises(APIError) as caught:
        client.model("../checkpoints?x=#")
    assert caught.value.problem.status == 404


def test_a_bad_image_is_named(client: Client) -> None:
    model = client.adapt(FOLDER, steps=0)
    with pytest.raises(APIError) as caught:
        client.predict(model.id, [QUERY[0], QUERY[1].read_bytes()[:100]])
    assert caught.value.problem.index == 1
    assert caught.value.problem.field == "images"


def test_checkpoints_are_listed(client: Client) -> None:
    assert "omniglot" in [checkpoint.name for checkpoint in client.checkpoints()]


def test_the_address_comes_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHOT_URL", server.url)
    with Client() as client:
        assert client.ready()


def test_where_no_server_is_the_error_says_how_to_start_one() -> None:
    with Client(f"http://127.0.0.1:{free_port()}") as client, pytest.raises(ServerUnreachableError) as caught:
        client.ready()
    assert "kshot serve" in str(caught.value)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8000", "localhost:8000", "ftp://127.0.0.1", "http://host:port", "http:///models"]
)
def test_an_address_that_is_none_is_an_error_that_names_it(url: str) -> None:
    with pytest.raises(ServerUnreachableError, match=re.escape(url)):
        Client(url)


@pytest.mark.parametrize("status", [200, 502])
def test_an_answer_that_is_not_kshots_is_told_from_one_that_is(status: int) -> None:
    with _page(status) as url, Client(url) as client, pytest.raises(APIError, match="KSHOT_URL") as caught:
        client.checkpoints()
    assert (caught.value.problem.type, caught.value.problem.status) == ("about:blank", status)
    assert caught.value.retry_after == 7


@contextmanager
def _page(status: int) -> Iterator[str]:
    """The address of a server that answers everything with a page, as a proxy does whose upstream is down."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Retry-After", "7")
            self.end_headers()
            self.wfile.write(b"<html>Hello</html>")

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
            """Keep the tests' output clean."""

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_async_client_does_the_same(server: Server) -> None:
    async def run() -> None:
        async with AsyncClient(server.url) as client:
            assert await client.ready()
            assert "omniglot" in [checkpoint.name for checkpoint in await client.checkpoints()]
            models = await asyncio.gather(*(client.adapt(FOLDER, name=name) for name in ("a", "b", "c")))
            assert [model.name for model in models] == ["a", "b", "c"]
            answers = await asyncio.gather(*(client.predict(model.id, QUERY) for model in models))
            assert all(len(answer.predictions) == len(QUERY) for answer in answers)
            assert (await client.model(models[0].id)).classes == CLASSES
            await client.delete(models[0].id)
            left = [model.id async for model in client.models()]
            assert models[0].id not in left
            assert models[1].id in left
            with pytest.raises(APIError):
                await client.model(models[0].id)

    asyncio.run(run())


def _share_right(client: Client, model_id: str) -> float:
    predictions = client.predict(model_id, QUERY).predictions
    right = [prediction.label == label(path) for prediction, path in zip(predictions, QUERY, strict=True)]
    return sum(right) / len(right)
