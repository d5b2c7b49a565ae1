"""Classes count alike, however many images each has, unless the request says that they come in these shares."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.app import drawings
from tests.app.drawings import CLASSES, FOLDER, adapt, predict
from tests.app.refusals import problem
from tests.serving import Server

FREQUENT, RARE = CLASSES[:2]
MANY, ONE = sorted((FOLDER / FREQUENT).iterdir()), sorted((FOLDER / RARE).iterdir())[:1]


def model(server: Server, paths: list[Path], **fields: object) -> str:
    return str(adapt(server.url, paths, **fields).raise_for_status().json()["id"])


def odds(server: Server, model_id: str) -> list[float]:
    """How much likelier the frequent class is than the rare one, for drawings of all classes."""
    return [row[FREQUENT] / row[RARE] for row in drawings.scores(predict(server.url, model_id))]


def test_by_default_classes_count_alike(server: Server) -> None:
    ours, theirs = (model(server, MANY + ONE, steps=0, **fields) for fields in ({}, {"class_weights": "balanced"}))
    assert odds(server, ours) == pytest.approx(odds(server, theirs), rel=1e-4)


def test_a_frequent_class_is_likelier_where_its_share_is_to_be_expected(server: Server) -> None:
    alike, shares = (
        odds(server, model(server, MANY + ONE, steps=0, class_weights=weights)) for weights in ("balanced", "frequency")
    )
    assert shares == pytest.approx([len(MANY) * each for each in alike], rel=1e-3)


def test_versions_keep_the_choice(server: Server) -> None:
    alike, shares = (
        odds(server, version(server, steps=0, class_weights=weights)) for weights in ("balanced", "frequency")
    )
    assert shares == pytest.approx([(len(MANY) - 1) * each for each in alike], rel=1e-3)


def version(server: Server, **fields: object) -> str:
    """A version of a model, without one of its drawings."""
    path = f"{server.url}/models/{model(server, MANY + ONE, **fields)}/versions"
    return str(httpx.post(path, data={"remove": "0"}).raise_for_status().json()["id"])


def test_another_word_is_refused_by_name(server: Server) -> None:
    problem(adapt(server.url, MANY + ONE, class_weights="heavy"), 422, "request-invalid", field="class_weights")
