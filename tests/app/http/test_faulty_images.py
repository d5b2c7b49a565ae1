"""Every faulty image of a request is named in one answer, and a request may go on without them."""

from __future__ import annotations

import httpx

from app.errors.uploads import MOST_TOLD
from tests.app.drawings import QUERY, SUPPORT, Files, adapt, adapt_zip, class_folders, images, labels, zipped
from tests.app.refusals import problem
from tests.serving import Server

FAULTY = {1: ("notes.png", b"not a picture", "image-unreadable"), 3: ("empty.png", b"", "image-empty")}
TOLD = [(f"/problems/{kind}", "images", index, name) for index, (name, _, kind) in FAULTY.items()]


def with_faults(files: Files) -> Files:
    for index, (name, data, _) in FAULTY.items():
        files[index] = ("images", (name, data))
    return files


def told(errors: list[dict[str, object]]) -> list[tuple[object, ...]]:
    assert all(str(each["filename"]) in str(each["detail"]) for each in errors)
    return [(each["type"], each["field"], each["index"], each["filename"]) for each in errors]


def test_every_faulty_image_is_named_with_its_place(server: Server) -> None:
    answer = httpx.post(f"{server.url}/adapt", files=with_faults(images(SUPPORT)), data=labels(SUPPORT))
    document = problem(answer, 422, "image-unreadable", index=1, filename="notes.png", errors_count=2)
    assert told(document["errors"]) == TOLD
    assert document["detail"] == document["errors"][0]["detail"]


def test_every_faulty_label_is_named_with_its_place(server: Server) -> None:
    given = labels(SUPPORT)["labels"]
    given[1], given[3] = " ", "a\nb"
    answer = httpx.post(f"{server.url}/adapt", files=images(SUPPORT), data={"labels": given})
    document = problem(answer, 422, "label-invalid", field="labels", index=1, errors_count=2)
    assert [(each["type"], each["index"]) for each in document["errors"]] == [
        ("/problems/label-invalid", at) for at in (1, 3)
    ]
    assert "U+000A" in document["errors"][1]["detail"]


def test_of_very_many_the_first_are_named_and_all_counted(server: Server) -> None:
    contents = class_folders() | {f"zzz/{number:03}.png": b"" for number in range(MOST_TOLD + 5)}
    document = problem(adapt_zip(server.url, zipped(contents)), 422, "image-empty", errors_count=MOST_TOLD + 5)
    assert [each["index"] for each in document["errors"]] == list(range(25, 25 + MOST_TOLD))


def test_predict_goes_on_without_them_if_told_to(server: Server) -> None:
    form = {"model_id": adapt(server.url).json()["id"], "on_error": "skip"}
    whole = httpx.post(f"{server.url}/predict", files=images(QUERY), data=form).json()
    assert whole["errors"] == []
    answer = httpx.post(f"{server.url}/predict", files=with_faults(images(QUERY)), data=form)
    assert answer.status_code == 200, answer.text
    assert told(answer.json()["errors"]) == TOLD
    rest = [each for each in whole["predictions"] if each["index"] not in FAULTY]
    assert [(each["index"], each["filename"], each["label"]) for each in answer.json()["predictions"]] == [
        (each["index"], each["filename"], each["label"]) for each in rest
    ]
    none = httpx.post(f"{server.url}/predict", files=[("images", ("a.png", b""))], data=form)
    problem(none, 422, "image-empty", field="images", index=0, errors_count=1)
    refused = httpx.post(f"{server.url}/predict", files=images(QUERY), data=form | {"on_error": "ignore"})
    problem(refused, 422, "request-invalid", field="on_error")
