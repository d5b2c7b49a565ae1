"""POST /adapt and what can be done with the model it makes."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.app.drawings import QUERY, SUPPORT, adapt, class_folders, label, predict, scores, zipped
from tests.serving import Server

CLASSES = list(dict.fromkeys(label(path) for path in SUPPORT))


def send_archive(server: Server, contents: dict[str, bytes], **fields: str) -> httpx.Response:
    files = {"archive": ("drawings.zip", zipped(contents))}
    return httpx.post(f"{server.url}/adapt", files=files, data=fields, timeout=60)


def test_a_model_is_made_kept_and_described(server: Server) -> None:
    answer = adapt(server.url, name="symbols", steps=3, seed=7)
    model = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/models/{model['id']}"
    assert model["classes"] == CLASSES
    assert model["shots"] == dict.fromkeys(CLASSES, 5)
    assert (model["name"], model["steps"], model["seed"]) == ("symbols", 3, 7)
    assert len(model["loss_curve"]) == 4
    assert max(model["loss_curve"]) < 0.01  # these drawings are easy for it
    assert model["support_accuracy"] == 1
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", model["checkpoint"]["digest"])
    assert set(model["timings_ms"]) == {"decode", "queue", "encode", "adapt", "store"}
    del model["timings_ms"]
    assert httpx.get(server.url + answer.headers["location"]).json() == model


def test_the_hardest_images_are_named_worst_first(server: Server) -> None:
    wrong = SUPPORT[7]
    others = [path for path in SUPPORT if path != wrong]
    files = [("images", (f"{label(path)}-{path.name}", path.read_bytes())) for path in [*others, wrong]]
    names = {"labels": [*[label(path) for path in others], CLASSES[0]], "steps": "0"}
    hardest = httpx.post(f"{server.url}/adapt", files=files, data=names).json()["hardest_images"]
    assert len(hardest) == 3
    assert [image["loss"] for image in hardest] == sorted((image["loss"] for image in hardest), reverse=True)
    expected = {"index": 24, "filename": f"{label(wrong)}-{wrong.name}", "label": CLASSES[0]}
    assert hardest[0].items() >= expected.items()


def test_new_drawings_are_classified(server: Server) -> None:
    model = adapt(server.url).json()
    answer = predict(server.url, model["id"]).json()
    assert answer["model_id"] == model["id"]
    assert answer["checkpoint"] == model["checkpoint"]
    assert answer["transductive"] is False
    assert set(answer["timings_ms"]) == {"decode", "queue", "encode", "predict", "evidence"}
    assert [each["index"] for each in answer["predictions"]] == list(range(len(QUERY)))
    assert [each["filename"] for each in answer["predictions"]] == [path.name for path in QUERY]
    for each in answer["predictions"]:
        assert sum(score["score"] for score in each["top"]) == pytest.approx(1, abs=1e-4)
        assert each["top"][0] == {"label": each["label"], "score": each["score"]}
    right = [each["label"] == label(path) for each, path in zip(answer["predictions"], QUERY, strict=True)]
    assert sum(right) / len(right) >= 0.8


def test_top_k_bounds_the_list_of_labels(server: Server) -> None:
    model = adapt(server.url, steps=0).json()
    answer = predict(server.url, model["id"], top_k=2).json()
    assert {len(each["top"]) for each in answer["predictions"]} == {2}


@pytest.mark.parametrize("wrapping", ["", "symbols/"])
def test_a_zip_of_class_folders_gives_the_same_model(server: Server, wrapping: str) -> None:
    junk = {"__MACOSX/._1.png": b"x", f"{wrapping}.DS_Store": b"x", f"{wrapping}{CLASSES[0]}/notes.txt": b"x"}
    by_zip = send_archive(server, class_folders(wrapping) | junk).json()
    by_images = adapt(server.url).json()
    assert by_zip["classes"] == sorted(CLASSES)
    assert by_zip["shots"] == by_images["shots"]
    assert by_zip["skipped"] == sorted(junk)
    assert by_zip["loss_curve"] == pytest.approx(by_images["loss_curve"], rel=1e-3, abs=1e-5)
    ours, theirs = (predict(server.url, model["id"]) for model in (by_zip, by_images))
    for one, other in zip(scores(ours), scores(theirs), strict=True):
        assert one == pytest.approx(other, abs=1e-3)


def test_one_drawing_of_each_of_two_classes_is_enough(server: Server) -> None:
    pair = [SUPPORT[0], SUPPORT[-1]]
    model = adapt(server.url, pair).json()
    answer = predict(server.url, model["id"], pair).json()
    assert [each["label"] for each in answer["predictions"]] == [label(path) for path in pair]


def test_labels_may_have_any_letters_and_lose_their_outer_blanks(server: Server) -> None:
    files = [("images", (path.name, path.read_bytes())) for path in (SUPPORT[0], SUPPORT[-1])]
    answer = httpx.post(f"{server.url}/adapt", files=files, data={"labels": [" Ünïcödé 猫 ", "b"]})
    assert answer.json()["classes"] == ["Ünïcödé 猫", "b"]


def test_a_deleted_model_is_gone(server: Server) -> None:
    model = adapt(server.url, steps=0).json()
    assert model["id"] in server.models()
    deleted = httpx.delete(f"{server.url}/models/{model['id']}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert predict(server.url, model["id"]).status_code == 404
    assert httpx.delete(f"{server.url}/models/{model['id']}").status_code == 404
    assert model["id"] not in server.models()


def test_models_are_listed_by_pages_newest_first(server: Server) -> None:
    made = [adapt(server.url, SUPPORT[::5], steps=0).json()["id"] for _ in range(3)]
    first = httpx.get(f"{server.url}/models", params={"limit": 2}).json()
    second = httpx.get(f"{server.url}/models", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [model["id"] for model in first["models"] + second["models"]] == made[::-1]


@pytest.mark.parametrize("cursor", ["", "0", "nope", "A" * 32])
def test_a_cursor_that_is_no_id_is_refused(server: Server, cursor: str) -> None:
    answer = httpx.get(f"{server.url}/models", params={"cursor": cursor})
    assert (answer.status_code, answer.json()["field"]) == (422, "cursor")


def test_a_request_id_is_echoed_in_the_answer_the_problem_and_the_log(server: Server) -> None:
    answer = httpx.get(f"{server.url}/models/nope", headers={"X-Request-ID": "my-id.1"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "my-id.1"
    server.wait_for_log('"request_id": "my-id.1"')


def test_a_request_id_that_could_forge_log_lines_is_replaced(server: Server) -> None:
    answer = httpx.get(f"{server.url}/livez", headers={"X-Request-ID": 'a" "b'})
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["x-request-id"])
