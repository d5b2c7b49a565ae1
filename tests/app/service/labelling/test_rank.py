"""POST /models/{id}/rank suggests labels for a pool, and says which pictures to label next."""

from __future__ import annotations

import asyncio
from statistics import mean

import httpx
import pytest

from kshot import APIError, AsyncClient, Client, Ranking
from tests.app.drawings import DRAWINGS, QUERY, SUPPORT, images, label, zipped
from tests.serving import Server


@pytest.fixture(scope="module")
def model_id(server: Server) -> str:
    with Client(server.url) as client:
        return client.adapt([(label(path), path) for path in SUPPORT[::2]]).id


@pytest.mark.usefixtures("unharmed")
def test_it_suggests_what_is_predicted_and_ranks_each_picture_once(client: Client, model_id: str) -> None:
    found = client.rank(model_id, QUERY, top_k=2)
    said = client.predict(model_id, QUERY, top_k=2).predictions
    assert [each.label for each in found.pictures] == [each.label for each in said]
    assert [each.score for each in found.pictures] == pytest.approx([each.score for each in said], abs=1e-4)
    assert [each.known for each in found.pictures] == [each.known for each in said]
    assert {len(each.top) for each in found.pictures} == {2}
    assert sorted(found.order) == list(range(len(QUERY)))
    assert [found.pictures[index].rank for index in found.order] == list(range(len(QUERY)))


def test_the_doubtful_come_before_the_sure(client: Client, model_id: str) -> None:
    found = client.rank(model_id, QUERY)
    scores = [found.pictures[index].score for index in found.order]
    assert mean(scores[:4]) < mean(scores[-4:])
    assert scores[0] < mean(scores)


def test_copies_of_a_picture_are_asked_about_once(client: Client, model_id: str) -> None:
    found = client.rank(model_id, [*QUERY, QUERY[0], QUERY[3]])
    first, second = len(QUERY), len(QUERY) + 1
    assert set(found.order[-2:]) == {first, second}
    assert [found.pictures[index].copy_of for index in (first, second)] == [0, 3]
    assert {each.copy_of for each in found.pictures[: len(QUERY)]} == {None}


def test_an_archive_is_a_pool_whatever_its_folders(server: Server, client: Client, model_id: str) -> None:
    files = {f"a/{path.parent.name}/{path.name}": path.read_bytes() for path in QUERY}
    data = zipped({**files, "loose.png": SUPPORT[1].read_bytes(), "notes.txt": b"hello"})
    answer = httpx.post(f"{server.url}/models/{model_id}/rank", files={"archive": data}, timeout=60)
    found = Ranking.model_validate_json(answer.raise_for_status().content)
    assert [each.filename for each in found.pictures] == [*sorted(files), "loose.png"]
    assert [(each.filename, each.reason) for each in found.left_out] == [("notes.txt", "it is text")]
    folder = client.rank(model_id, DRAWINGS / "query")
    assert [each.label for each in folder.pictures] == [each.label for each in found.pictures[:-1]]


def test_a_picture_that_can_not_be_read_is_named_or_fails_the_request(client: Client, model_id: str) -> None:
    pool = [QUERY[0], b"hello", QUERY[1]]
    found = client.rank(model_id, pool)
    assert [each.index for each in found.pictures] == [0, 2]
    assert sorted(found.order) == [0, 2]
    assert [each.index for each in found.errors] == [1]
    with pytest.raises(APIError) as caught:
        client.rank(model_id, pool, on_error="fail")
    assert caught.value.problem.index == 1


def test_labels_and_no_pictures_are_refused(server: Server, model_id: str) -> None:
    url = f"{server.url}/models/{model_id}/rank"
    assert httpx.post(url, files={"top_k": (None, "1")}).json()["type"] == "/problems/images-missing"
    labelled = httpx.post(url, files=images(QUERY[:1]), data={"labels": "a"}).json()
    assert "labels" in labelled["detail"]
    assert httpx.post(url.replace(model_id, "0" * 32), files=images(QUERY[:1])).status_code == 404


def test_the_asynchronous_client_says_the_same(server: Server, client: Client, model_id: str) -> None:
    async def asked() -> Ranking:
        async with AsyncClient(server.url) as patient:
            return await patient.rank(model_id, QUERY)

    assert asyncio.run(asked()).order == client.rank(model_id, QUERY).order
