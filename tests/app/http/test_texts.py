"""Texts over HTTP: as a form, as JSON, as a table; and what is refused of them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from onnxruntime import InferenceSession
from tokenizers import Tokenizer
from typer.testing import CliRunner

from app.engine.checkpoint_registry import CheckpointRegistry
from app.errors import CheckpointUnknown
from kshot import APIError, Client
from kshot.__main__ import command_line
from models.checkpoint import SHIPPED
from models.encoders.minilm import encoder
from tests.serving import Server

TICKETS = Path(__file__).parents[2] / "data" / "tickets"
SUPPORT, QUERY = TICKETS / "support.csv", TICKETS / "query.csv"


def rows(path: Path) -> tuple[list[str], list[str]]:
    with path.open(newline="") as file:
        found = list(csv.DictReader(file))
    return [row["text"] for row in found], [row["label"] for row in found]


TEXTS, LABELS = rows(SUPPORT)
ASKED, ANSWERS = rows(QUERY)
JSONL = "\n".join(json.dumps({"text": text, "label": label}) for text, label in zip(TEXTS, LABELS, strict=True))
WAYS: dict[str, dict[str, Any]] = {
    "form": {"files": [("texts", (None, text)) for text in TEXTS] + [("labels", (None, label)) for label in LABELS]},
    "json": {"json": {"texts": TEXTS, "labels": LABELS}},
    "csv": {"files": [("table", ("tickets.csv", SUPPORT.read_bytes(), "text/csv"))]},
    "jsonl": {"files": [("table", ("tickets.jsonl", JSONL.encode(), "application/jsonl"))]},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of the shipped checkpoints: one for drawings, and the one for texts."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in ("omniglot.safetensors", "text.safetensors"):
        (folder / name).symlink_to(SHIPPED / name)
    return folder


@pytest.fixture(scope="module")
def url(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Server(tmp_path_factory.mktemp("server"), checkpoints=folder, refusals_per_second=10_000)
    server.start()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def model(url: str) -> Any:
    return httpx.post(f"{url}/adapt", **WAYS["csv"]).raise_for_status().json()


def refused(url: str, path: str = "/adapt", **body: Any) -> Any:
    response = httpx.post(url + path, **body)
    assert response.status_code in (413, 422), response.text
    return response.json()


def test_every_way_to_send_them_makes_the_same_model(url: str, model: Any) -> None:
    for body in WAYS.values():
        made = httpx.post(f"{url}/adapt", **body).raise_for_status().json()
        assert made["checkpoint"]["name"] == "text"
        assert made["shots"] == {"delivery": 5, "billing": 5, "login": 5, "bug": 5}
        assert made["loss_curve"] == pytest.approx(model["loss_curve"], abs=1e-5)


def test_new_ones_are_classified_and_what_is_like_none_is_told(url: str, model: Any) -> None:
    table = [("table", ("new.csv", QUERY.read_bytes()))]
    told = httpx.post(f"{url}/predict", data={"model_id": model["id"]}, files=table).raise_for_status().json()
    assert [each["label"] for each in told["predictions"]] == ANSWERS
    assert told["predictions"][3]["filename"] == "new.csv, row 5"
    body = {"model_id": model["id"], "texts": [ASKED[0], "The sea was calm, and gulls slept on the rocks"]}
    known, strange = httpx.post(f"{url}/predict", json=body).raise_for_status().json()["predictions"]
    assert known["score"] == pytest.approx(told["predictions"][0]["score"], abs=1e-3)
    assert (known["known"], strange["known"]) == (True, False)


def test_a_model_says_what_to_expect_and_names_copies(url: str) -> None:
    body = {"texts": [*TEXTS, TEXTS[0] + "!"], "labels": [*LABELS, LABELS[0]]}
    made = httpx.post(f"{url}/adapt", json=body).raise_for_status().json()
    assert 0.7 < made["validation"]["accuracy"] <= 1
    assert [[each["index"] for each in group] for group in made["near_copies"]] == [[0, 20]]


def test_the_client_makes_versions_and_reads_the_texts_back(url: str) -> None:
    with Client(url) as client:
        model = client.adapt(SUPPORT, steps=5)
        assert len(model.loss_curve) == 6
        assert model.loss_curve[-1] < model.loss_curve[0]
        assert [(each.label, each.text) for each in client.images(model.id)] == list(zip(LABELS, TEXTS, strict=True))
        assert client.image(model.id, 0).decode() == TEXTS[0]
        praise = ["Great service, thank you!", "I love this shop"]
        version = client.revise(model.id, texts=[("praise", text) for text in praise], remove=[0])
        assert version.shots == {"delivery": 4, "billing": 5, "login": 5, "bug": 5, "praise": 2}
        answer = client.predict(version.id, texts=["You are the best, well done"])
        found = client.inspect(SUPPORT)
    assert answer.predictions[0].label == "praise"
    assert found.pictures[1].text == TEXTS[1]
    assert found.shots["login"] == 5


def test_an_exported_file_gives_the_same_scores(url: str, model: Any) -> None:
    with Client(url) as client:
        file, said = client.export(model["id"]), json.loads(client.export(model["id"], "json"))
        served = client.predict(model["id"], texts=ASKED, top_k=4).predictions
    tokenizer = Tokenizer.from_str(json.dumps(said["preprocessing"]["tokenizer"]))
    tokenizer.no_padding()
    ids = [each.ids for each in tokenizer.encode_batch(ASKED)]
    padded = np.array([each + [0] * (max(map(len, ids)) - len(each)) for each in ids])
    (found,) = InferenceSession(file).run(["probabilities"], {said["input"]: padded})
    scores = [{each.label: each.score for each in prediction.top} for prediction in served]
    np.testing.assert_allclose(found, [[each[label] for label in said["labels"]] for each in scores], atol=1e-3)


@pytest.mark.parametrize(
    ("texts", "index", "said"),
    [
        (["", *TEXTS[1:]], 0, r"texts\[0\] is empty"),
        ([*TEXTS[:19], " \n"], 19, r"texts\[19\] is empty"),
        (["ä" * 1001, *TEXTS[1:]], 0, r"'ää.*…, has 2002 bytes in UTF-8; the limit is 2000 \(KSHOT_MAX_TEXT_BYTES\)"),
        (["a\0b", *TEXTS[1:]], 0, r"U\+0000"),
    ],
)
def test_a_text_that_cannot_be_used_is_named(url: str, texts: list[str], index: int, said: str) -> None:
    problem = refused(url, json={"texts": texts, "labels": LABELS})
    assert problem["type"] == "/problems/text-invalid"
    assert (problem["field"], problem["index"]) == ("texts", index)
    assert_said(problem, said)


def assert_said(problem: Any, said: str) -> None:
    assert re.search(said, problem["detail"]), problem["detail"]


@pytest.mark.parametrize(
    ("table", "kind", "said"),
    [
        (b"text,label\n" + b"a,b\n" * 1001, "too-many-texts", r"1001 texts; .* may have 1000 \(KSHOT_MAX_TEXTS\)"),
        (b"text,label\n" + b"a,b\n" * 100_000, "too-many-texts", r"may have 1000 \(KSHOT_MAX_TEXTS\)"),
        (b"text,label\na,b,c\n", "table-unreadable", "tickets.csv has 3 cells in row 2, and 2 in its header"),
        (b'{"text": NaN, "label": "b"}', "table-unreadable", "tickets.csv has nan for 'text' in line 1"),
        (b"text,label\na,x\n,y\n", "text-invalid", "tickets.csv, row 3 is empty"),
        (b"text,label\na,x\nb,\n", "label-invalid", "The label of tickets.csv, row 3 is ''"),
        (b"text,label\na,x\nb,x\n", "too-few-classes", "All texts are labelled 'x'"),
        (b"words,label\na,x\n", "table-unreadable", "no column text"),
        (
            b"text,label\n" + b"".join(b"a,%d\n" % number for number in range(101)),
            "too-many-classes",
            r"this server takes 100 \(KSHOT_MAX_CLASSES\)",
        ),
    ],
)
def test_a_table_that_cannot_be_used_says_why(url: str, table: bytes, kind: str, said: str) -> None:
    problem = refused(url, files=[("table", ("tickets.csv", table))])
    assert problem["type"] == f"/problems/{kind}"
    assert_said(problem, said)


def test_other_faults_of_requests_with_texts_name_their_field(url: str, model: Any) -> None:
    both = refused(url, json={"texts": TEXTS, "labels": LABELS, "table": "dGV4dA=="})
    assert (both["type"], both["field"]) == ("/problems/upload-ambiguous", "table")
    fewer = refused(url, json={"texts": TEXTS, "labels": LABELS[1:]})
    assert_said(fewer, "There are 20 texts and 19 labels")
    wrong = refused(url, json={"texts": TEXTS, "labels": LABELS, "checkpoint": "omniglot"})
    assert wrong["type"] == "/problems/examples-unsuitable"
    assert_said(wrong, "Checkpoint omniglot takes images, and texts were sent")
    none = refused(url, "/predict", json={"model_id": model["id"]})
    assert none["type"] == "/problems/texts-missing"
    picture = refused(url, "/predict", data={"model_id": model["id"]}, files=[("images", b"x")])
    assert_said(picture, "Checkpoint text takes texts, and images were sent")


def test_faulty_texts_can_be_skipped(url: str, model: Any) -> None:
    body = {"model_id": model["id"], "texts": ["", ASKED[0]], "on_error": "skip"}
    told = httpx.post(f"{url}/predict", json=body).raise_for_status().json()
    assert [each["index"] for each in told["predictions"]] == [1]
    assert [(each["field"], each["index"]) for each in told["errors"]] == [("texts", 0)]


def test_without_the_packages_pictures_are_served_and_texts_told_what_to_install(folder: Path) -> None:
    """The registry alone, where the packages aren't found."""
    registry = CheckpointRegistry(folder, "omniglot", "cpu")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "find_spec", lambda _: None)
        registry.load()
    assert list(registry.learners) == ["omniglot"]
    for asked in (("text", ()), (None, ("texts",))):
        with pytest.raises(CheckpointUnknown, match=r"pip install 'kshot\[text\]'"):
            registry.named(*asked)
    assert registry.named(None)[0] == "omniglot"


def test_the_client_says_what_the_server_said(url: str) -> None:
    with Client(url) as client, pytest.raises(APIError, match="All texts are labelled 'a'"):
        client.adapt(texts=[("a", "one"), ("a", "two")])


def test_the_command_line_adapts_to_a_table_and_predicts_one_row_by_row(url: str, tmp_path: Path) -> None:
    def kshot(*arguments: object) -> str:
        done = CliRunner().invoke(command_line(), [*map(str, arguments), "--url", url])
        assert done.exit_code == 0, done.output
        return done.stdout

    model_id = json.loads(kshot("adapt", SUPPORT, "--json"))["id"]
    many = tmp_path / "many.csv"  # more than a request takes
    lines = QUERY.read_text().splitlines(keepends=True)
    many.write_text(lines[0] + "".join(lines[1:] * 20))
    said = list(csv.DictReader(io.StringIO(kshot("predict", model_id, many, "--csv"))))
    assert [int(row["row"]) for row in said] == list(range(2, 242))
    assert [row["label"] for row in said] == ANSWERS * 20
    assert "query.csv, row 13" in kshot("predict", model_id, QUERY)
