"""How sure an answer is: sets of labels, and least scores that a model keeps."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.app.drawings import CLASSES, QUERY, SUPPORT, adapt, predict
from tests.app.refusals import problem
from tests.serving import Server


@pytest.fixture(scope="module")
def model_id(server: Server) -> str:
    return str(adapt(server.url, SUPPORT[::5], steps=0).raise_for_status().json()["id"])


def answers(server: Server, model_id: str, **fields: object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = predict(server.url, model_id, **fields).raise_for_status().json()["predictions"]
    return found


def patch(server: Server, model_id: str, **changes: object) -> httpx.Response:
    return httpx.patch(f"{server.url}/models/{model_id}", json=changes)


def test_sets_of_labels_grow_with_the_coverage_and_begin_with_the_best(server: Server, model_id: str) -> None:
    few, many = (answers(server, model_id, coverage=coverage, top_k=1) for coverage in (0.5, 0.9999))
    for one, other in zip(few, many, strict=True):
        assert one["labels"][0] == other["labels"][0] == one["label"]
        assert one["labels"] == other["labels"][: len(one["labels"])]
        assert len(one["top"]) == 1
    assert sum(len(each["labels"]) for each in many) > sum(len(each["labels"]) for each in few) >= len(QUERY)


def test_without_a_coverage_there_are_no_sets(server: Server, model_id: str) -> None:
    assert {each["labels"] for each in answers(server, model_id)} == {None}


@pytest.mark.parametrize("coverage", ["0", "1", "often"])
def test_a_coverage_that_cannot_be_is_refused_by_name(server: Server, model_id: str, coverage: str) -> None:
    assert "coverage" in str(problem(predict(server.url, model_id, coverage=coverage), 422, "request-invalid"))


def test_a_label_below_its_least_score_is_not_accepted_and_stays_the_label(server: Server, model_id: str) -> None:
    before = answers(server, model_id)
    assert {each["accepted"] for each in before} == {None}
    strict, mild = CLASSES[:2]
    changed = patch(server, model_id, min_scores={strict: 1, mild: 0}).json()
    assert changed["min_scores"] == {strict: 1.0, mild: 0.0}
    told = {strict: False, mild: True}
    after = answers(server, model_id)
    assert [each["label"] for each in after] == [each["label"] for each in before]
    for each in after:
        certain = each["label"] == strict and each["score"] == 1
        assert certain or each["accepted"] == told.get(each["label"])
    assert patch(server, model_id, min_scores={strict: None, mild: None}).json()["min_scores"] == {}
    assert {each["accepted"] for each in answers(server, model_id)} == {None}


def test_least_scores_follow_a_new_name(server: Server, model_id: str) -> None:
    old = CLASSES[0]
    patch(server, model_id, min_scores={old: 0.5})
    assert patch(server, model_id, classes={old: "new"}).json()["min_scores"] == {"new": 0.5}
    patch(server, model_id, classes={"new": old}, min_scores={"new": None})


def test_a_least_score_of_no_class_is_refused(server: Server, model_id: str) -> None:
    problem(patch(server, model_id, min_scores={"nothing": 0.5}), 422, "class-unknown", field="min_scores")
