"""Who else is there, and in which order things come, changes no answer."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.app.drawings import DRAWINGS, QUERY, SUPPORT, adapt, images, label, predict, scores
from tests.serving import Server

TOLERANCE = 1e-3  # of probabilities, after five steps in float32
MORE = sorted((DRAWINGS / "more").glob("*/*.png"))


def answers(server: Server, model: httpx.Response) -> list[dict[str, float]]:
    return scores(predict(server.url, model.raise_for_status().json()["id"], top_k=100))


def same(some: list[dict[str, float]], others: list[dict[str, float]]) -> None:
    assert len(some) == len(others)
    for one, other in zip(some, others, strict=True):
        assert one == pytest.approx(other, abs=TOLERANCE)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """With two lanes."""
    server = Server(tmp_path_factory.mktemp("independence"), threads=2)
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def expected(server: Server) -> list[dict[str, float]]:
    """Answers of a model made of the sample drawings in their order, while the server had nothing else to do."""
    return answers(server, adapt(server.url))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_order_of_images_changes_nothing(server: Server, expected: list[dict[str, float]], seed: int) -> None:
    shuffled = random.Random(seed).sample(SUPPORT, len(SUPPORT))  # noqa: S311
    same(answers(server, adapt(server.url, shuffled)), expected)


def test_the_names_of_classes_change_nothing(server: Server, expected: list[dict[str, float]]) -> None:
    names = sorted({label(path) for path in SUPPORT})
    renamed = dict(zip(names, names[2:] + names[:2], strict=True))
    form = {"labels": [renamed[label(path)] for path in SUPPORT]}
    model = httpx.post(f"{server.url}/adapt", files=images(SUPPORT), data=form)
    same(
        answers(server, model),
        [{renamed[name]: score for name, score in image.items()} for image in expected],
    )


def test_tenants_adapting_at_the_same_time_change_nothing(server: Server, expected: list[dict[str, float]]) -> None:
    others: list[tuple[list[Path], int]] = [(SUPPORT[:10], 1), (SUPPORT[::5], 9), (MORE, 3), (SUPPORT + MORE, 5)]
    with ThreadPoolExecutor(12) as pool:
        ours, theirs = [], []
        for _ in range(3):
            ours.append(pool.submit(adapt, server.url))
            theirs += [pool.submit(adapt, server.url, paths, steps=steps) for paths, steps in others]
        made = [each.result() for each in ours]
        assert {each.result().status_code for each in theirs} == {201}
        for got in pool.map(lambda model: answers(server, model), made):
            same(got, expected)


def test_the_same_request_gives_the_same_model(server: Server, expected: list[dict[str, float]]) -> None:
    same(answers(server, adapt(server.url, seed=0)), expected)


def test_the_other_queries_of_a_request_change_nothing(server: Server, expected: list[dict[str, float]]) -> None:
    model_id = adapt(server.url).json()["id"]
    alone = [scores(predict(server.url, model_id, [path]))[0] for path in QUERY]
    same(alone, expected)
    same(scores(predict(server.url, model_id, QUERY[:1] * 7 + QUERY[3:4]))[-1:], [expected[3]])


def test_transduction_is_only_on_request_and_is_named(server: Server) -> None:
    model_id = adapt(server.url).json()["id"]
    together = predict(server.url, model_id, transductive=True)
    assert together.json()["transductive"] is True
    alone = scores(predict(server.url, model_id, QUERY[:1], transductive=True))
    assert alone[0] != pytest.approx(scores(together)[0], abs=1e-6)


def test_queries_of_many_models_at_the_same_time_change_nothing(
    server: Server, expected: list[dict[str, float]]
) -> None:
    model_id = adapt(server.url).json()["id"]
    other_id = adapt(server.url, MORE, steps=1).json()["id"]
    with ThreadPoolExecutor(8) as pool:
        ids = [model_id, other_id] * 4
        for wanted, got in zip(ids, pool.map(lambda each: predict(server.url, each), ids), strict=True):
            assert got.status_code == 200
            if wanted == model_id:
                same(scores(got), expected)
