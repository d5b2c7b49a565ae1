"""POST /models/{id}/evaluate counts what /predict says of labelled pictures."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from app.service.labelling.evaluate import share
from kshot import AsyncClient, Client, Evaluation
from kshot.__main__ import command_line
from tests.app.drawings import CLASSES, DRAWINGS, QUERY, SUPPORT, images, label, labels, zipped
from tests.serving import Server

NAMED = [(label(path), path) for path in QUERY]
OTHERS = CLASSES[1:] + CLASSES[:1]


@pytest.fixture(scope="module")
def model_id(server: Server) -> str:
    with Client(server.url) as client:
        return client.adapt([(label(path), path) for path in SUPPORT]).id


def evaluate(server: Server, model_id: str, paths: Any = QUERY, **fields: Any) -> httpx.Response:
    url = f"{server.url}/models/{model_id}/evaluate"
    return httpx.post(url, files=images(paths), data=labels(paths) | fields, timeout=60)


@pytest.mark.usefixtures("unharmed")
def test_it_counts_what_predictions_say(client: Client, model_id: str) -> None:
    found = client.evaluate(model_id, NAMED)
    said = client.predict(model_id, QUERY).predictions
    right = [one.label == label(path) for one, path in zip(said, QUERY, strict=True)]
    assert (found.images, found.right) == (len(QUERY), sum(right))
    assert found.accuracy == pytest.approx(sum(right) / len(QUERY))
    assert found.known == sum(one.known is True for one in said)
    assert found.classes == CLASSES
    for row, own in zip(found.confusion, CLASSES, strict=True):
        answers = [one.label for one, path in zip(said, QUERY, strict=True) if label(path) == own]
        assert row == [answers.count(each) for each in CLASSES]
    for each in found.of_classes:
        assert each.said == sum(one.label == each.label for one in said)
    wrong = sorted((one for one, is_right in zip(said, right, strict=True) if not is_right), key=lambda one: -one.score)
    assert [mistake.index for mistake in found.mistakes] == [one.index for one in wrong]


def test_labels_given_wrong_are_the_most_confident_mistakes(client: Client, model_id: str) -> None:
    swapped = [
        (OTHERS[CLASSES.index(own)] if place in (0, 4) else own, path) for place, (own, path) in enumerate(NAMED)
    ]
    found = client.evaluate(model_id, swapped)
    assert {0, 4} <= {mistake.index for mistake in found.mistakes[:3]}
    first = found.mistakes[0]
    assert first.score > first.own_score
    assert first.filename == QUERY[first.index].name
    assert (first.label, first.said) == (swapped[first.index][0], label(QUERY[first.index]))
    assert [each.score for each in found.mistakes] == sorted((each.score for each in found.mistakes), reverse=True)


def test_an_archive_gives_the_same_as_its_pictures(server: Server, model_id: str) -> None:
    data = zipped({f"test/{label(path)}/{path.name}": path.read_bytes() for path in QUERY})
    url = f"{server.url}/models/{model_id}/evaluate"
    packed, loose = httpx.post(url, files={"archive": data}, timeout=60).json(), evaluate(server, model_id).json()
    for name in ("accuracy", "low", "high", "of_classes", "confusion"):
        assert packed[name] == loose[name]
    assert {each["filename"].partition("/")[0] for each in packed["mistakes"]} <= {"test"}


def test_pictures_of_one_class_are_enough_and_labels_are_compared_as_they_look(server: Server, model_id: str) -> None:
    paths = [path for path in QUERY if label(path) == CLASSES[0]]
    answer = evaluate(server, model_id, paths, labels=[f" {CLASSES[0]}\u200b"] * len(paths)).raise_for_status().json()
    assert [each["label"] for each in answer["of_classes"]] == [CLASSES[0]]
    assert answer["balanced_accuracy"] == answer["accuracy"]


def test_a_label_that_the_model_does_not_have_is_refused_or_counted_apart(server: Server, model_id: str) -> None:
    given = [*("Greek" if place < 2 else label(path) for place, path in enumerate(QUERY))]
    refused = evaluate(server, model_id, labels=given)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/class-unknown")
    assert "'Greek'" in refused.json()["detail"]
    assert refused.json()["field"] == "labels"
    told = evaluate(server, model_id, labels=given, unknown_labels="report").raise_for_status().json()
    (unknown,) = told["unknown_labels"]
    assert (unknown["label"], unknown["images"]) == ("Greek", 2)
    assert told["images"] == len(QUERY) - 2 == sum(map(sum, told["confusion"]))
    none = evaluate(server, model_id, QUERY[:2], labels=["Greek", "Roman"], unknown_labels="report")
    assert none.json()["type"] == "/problems/class-unknown"


def test_pictures_without_labels_and_models_that_are_not_there_are_refused(server: Server, model_id: str) -> None:
    assert evaluate(server, model_id, labels=[]).json()["type"] == "/problems/labels-mismatch"
    assert evaluate(server, "0" * 32).json()["type"] == "/problems/model-not-found"


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    # R: prop.test(right, images, correct=FALSE)$conf.int
    [(8, 10, 0.4901625, 0.9433178), (0, 5, 0.0, 0.4344825), (5, 5, 0.5655175, 1.0), (450, 500, 0.8706019, 0.9233241)],
)
def test_the_interval_is_wilsons(right: int, images: int, low: float, high: float) -> None:
    found = share(right, images)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))
    assert found.low <= found.accuracy <= found.high


def test_the_asynchronous_client_and_the_command_line_say_the_same(server: Server, model_id: str) -> None:
    async def asked() -> Evaluation:
        async with AsyncClient(server.url) as patient:
            return await patient.evaluate(model_id, DRAWINGS / "query")

    found = asyncio.run(asked())
    arguments = ["evaluate-model", model_id, str(DRAWINGS / "query"), "--url", server.url]
    said = CliRunner().invoke(command_line(), arguments)
    assert f"{found.right} of {found.images} images right: {found.accuracy:.1%}" in said.output
    row = next(line.split() for line in said.output.splitlines() if line.startswith(found.of_classes[0].label))
    assert row[1:3] == [str(found.of_classes[0].images), str(found.of_classes[0].right)]
    as_json = CliRunner().invoke(command_line(), [*arguments, "--json"]).output
    assert Evaluation.model_validate_json(as_json).confusion == found.confusion
