"""Versions of a model, its images, and other names for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from safetensors.torch import load_file

from app.errors import ImagesNotKept
from tests.app.drawings import CLASSES, SUPPORT, adapt, images, label, labels, predict, scores
from tests.app.refusals import problem
from tests.serving import Server

FEW = [path for path in SUPPORT if label(path) in CLASSES[:3]]


def revise(server: Server, model_id: str, files: Any = None, **fields: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/models/{model_id}/versions", files=files or [], data=fields, timeout=60)


def same_weights(server: Server, first: str, second: str) -> bool:
    ours, theirs = (load_file(server.store / f"{model_id}.safetensors") for model_id in (first, second))
    return ours.keys() == theirs.keys() and all((ours[name] - theirs[name]).abs().max() < 1e-6 for name in ours)


def test_a_version_with_one_more_image_is_the_model_of_them_all(server: Server) -> None:
    scratch = adapt(server.url, FEW, seed=3, steps=4).json()
    parent = adapt(server.url, FEW[:-1], seed=3, steps=4, name="symbols").json()
    answer = revise(server, parent["id"], images(FEW[-1:]), **labels(FEW[-1:]))
    child = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/models/{child['id']}"
    assert (child["parent"], child["version"], child["name"]) == (parent["id"], 2, "symbols")
    assert (parent["parent"], parent["version"]) == (None, 1)
    for field in ("shots", "classes", "steps", "seed", "loss_curve", "hardest_images"):
        assert child[field] == scratch[field]
    assert same_weights(server, child["id"], scratch["id"])
    assert predict(server.url, parent["id"]).status_code == 200  # which is still there


def test_images_and_classes_are_left_out_and_others_come_in(server: Server) -> None:
    parent = adapt(server.url, FEW).json()
    fields = {"remove": [0, 6], "remove_class": CLASSES[2], **labels(SUPPORT[-5:])}
    child = revise(server, parent["id"], images(SUPPORT[-5:]), **fields).json()
    assert child["shots"] == {CLASSES[0]: 4, CLASSES[1]: 4, label(SUPPORT[-1]): 5}
    left = [path for index, path in enumerate(FEW[:10]) if index not in (0, 6)]
    scratch = adapt(server.url, left + SUPPORT[-5:]).json()
    assert same_weights(server, child["id"], scratch["id"])
    kept = httpx.get(f"{server.url}/models/{child['id']}/images").json()["images"]
    assert [(each["index"], each["filename"], each["label"]) for each in kept] == [
        (index, path.name, label(path)) for index, path in enumerate(left + SUPPORT[-5:])
    ]


def test_an_image_that_is_shown_can_be_sent_again(server: Server) -> None:
    parent = adapt(server.url, FEW).json()
    shown = httpx.get(f"{server.url}/models/{parent['id']}/images/14")
    assert shown.headers["content-type"] == "image/webp"
    assert httpx.get(f"{server.url}/models/{parent['id']}/images/15").json()["type"] == "/problems/image-not-there"
    files = [("images", ("same.webp", shown.content))]
    child = revise(server, parent["id"], files, remove=14, labels=label(FEW[14])).json()
    assert same_weights(server, child["id"], parent["id"])


def test_a_version_makes_its_parents_choices_unless_it_makes_its_own(server: Server) -> None:
    parent = adapt(server.url, FEW, steps=2, learning_rate=0.002, seed=5, ttl_seconds=7200).json()
    same, other = revise(server, parent["id"]).json(), revise(server, parent["id"], steps="3", ttl_seconds="900").json()
    assert (same["steps"], same["learning_rate"], same["seed"]) == (2, 0.002, 5)
    assert (other["steps"], other["learning_rate"]) == (3, 0.002)
    assert parent["expires_at"] < same["expires_at"]
    assert other["expires_at"] < same["expires_at"]
    assert revise(server, other["id"]).json()["version"] == 3


def test_images_are_not_kept_against_ones_wish(server: Server) -> None:
    model = adapt(server.url, FEW, keep_images="false").json()
    assert not model["images_kept"]
    assert not list(server.store.glob(f"{model['id']}.images"))
    for answer in (revise(server, model["id"]), httpx.get(f"{server.url}/models/{model['id']}/images")):
        assert "keep_images" in problem(answer, ImagesNotKept.status, "images-not-kept")["detail"]


def test_images_are_deleted_with_their_model(server: Server) -> None:
    model = adapt(server.url, FEW).json()
    assert list(server.store.glob(f"{model['id']}.images"))
    httpx.delete(f"{server.url}/models/{model['id']}")
    assert not list(server.store.glob(f"{model['id']}*"))
    assert httpx.get(f"{server.url}/models/{model['id']}/images").status_code == 404


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"remove": [0, 15]}, "image-unknown"),
        ({"remove": [-1]}, "image-unknown"),
        ({"remove_class": "nope"}, "class-unknown"),
        ({"remove_class": CLASSES[:2]}, "too-few-classes"),
        ({"remove_class": CLASSES[:3]}, "too-few-classes"),
        ({"steps": "1000"}, "steps-out-of-range"),
        ({"checkpoint": "omniglot"}, "request-invalid"),
        ({"labels": "one"}, "images-missing"),
    ],
)
@pytest.mark.usefixtures("unharmed")
def test_impossible_edits_are_refused(server: Server, fields: dict[str, Any], kind: str) -> None:
    parent = adapt(server.url, FEW).json()
    problem(revise(server, parent["id"], **fields), 422, kind)
    httpx.delete(f"{server.url}/models/{parent['id']}")


def test_other_names_show_at_once_and_leave_the_scores(server: Server) -> None:
    model = adapt(server.url, FEW, name="old").json()
    before = scores(predict(server.url, model["id"]))
    swapped = {CLASSES[0]: CLASSES[1], CLASSES[1]: CLASSES[0], CLASSES[2]: " 猫 "}
    answer = httpx.patch(f"{server.url}/models/{model['id']}", json={"name": "new", "classes": swapped})
    said = answer.json()
    assert (said["name"], said["classes"]) == ("new", [CLASSES[1], CLASSES[0], "猫"])
    assert said["shots"] == {CLASSES[1]: 5, CLASSES[0]: 5, "猫": 5}
    assert httpx.get(f"{server.url}/models/{model['id']}").json() == said
    after = scores(predict(server.url, model["id"]))
    assert after == [
        {CLASSES[1]: each[CLASSES[0]], CLASSES[0]: each[CLASSES[1]], "猫": each[CLASSES[2]]} for each in before
    ]
    assert httpx.patch(f"{server.url}/models/{model['id']}", json={"classes": {"猫": "dog"}}).json()["name"] == "new"
    assert httpx.patch(f"{server.url}/models/{model['id']}", json={"name": None}).json()["name"] is None
    child = revise(server, model["id"]).json()
    assert child["classes"] == [CLASSES[1], CLASSES[0], "dog"]
    assert same_weights(server, child["id"], model["id"])


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        ({"classes": {"nope": "a"}}, "class-unknown"),
        ({"classes": {CLASSES[0]: CLASSES[1]}}, "classes-clash"),
        ({"classes": {CLASSES[0]: " "}}, "label-invalid"),
        ({"classes": {CLASSES[0]: "a", f"{CLASSES[0]}\u200b": "b"}}, "label-invalid"),
        ({"min_scores": {CLASSES[0]: None, f"{CLASSES[0]}\u200b": 0.5}}, "label-invalid"),
        ({"name": "x" * 201}, "request-invalid"),
        ({"title": "x"}, "request-invalid"),
    ],
)
def test_names_that_cannot_be_are_refused(server: Server, names: dict[str, Any], kind: str) -> None:
    model = adapt(server.url, FEW).json()
    problem(httpx.patch(f"{server.url}/models/{model['id']}", json=names), 422, kind)
    del model["timings_ms"]
    assert httpx.get(f"{server.url}/models/{model['id']}").json() == model


def test_a_model_that_is_not_there_has_no_versions_names_or_images(server: Server) -> None:
    gone = "0" * 32
    url = f"{server.url}/models/{gone}"
    for answer in (revise(server, gone), httpx.patch(url, json={"name": "x"}), httpx.get(f"{url}/images/0")):
        problem(answer, 404, "model-not-found")


def test_names_are_other_at_once_on_all_servers_of_a_store(server: Server, tmp_path: Path) -> None:
    other = Server(tmp_path, store=server.store)
    other.start()
    model = adapt(server.url, FEW).json()
    first = f"{CLASSES[0]} by another name"
    for each in (server, other):  # both have it in memory then
        assert predict(each.url, model["id"]).status_code == 200
    httpx.patch(f"{other.url}/models/{model['id']}", json={"classes": {CLASSES[0]: first}}).raise_for_status()
    assert all(first in each for each in scores(predict(server.url, model["id"])))
    other.stop()


def test_a_body_of_names_is_small(server: Server) -> None:
    model = adapt(server.url, FEW).json()
    names = {"classes": {str(number): "x" * 20 for number in range(50_000)}}
    problem(httpx.patch(f"{server.url}/models/{model['id']}", json=names), 413, "body-too-large")
