"""Vectors over HTTP: numbers to estimate and classes to tell apart, as JSON, a form or a table; and what is refused."""

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
from safetensors.numpy import load
from sklearn.datasets import load_iris
from typer.testing import CliRunner

from kshot import APIError, Client
from kshot.__main__ import command_line
from models.checkpoint import SHIPPED, save_checkpoint
from models.heads.logistic import LogisticHead
from models.inputs.vector import VectorInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.linear_map import LinearMap
from tests.serving import Server

X = [[each] for each in np.linspace(-4.5, 4.5, 10).round(2).tolist()]
Y = [[3 * float(np.sin(x + 1))] for (x,) in X]
ASKED = [[each] for each in np.linspace(-5, 5, 50).tolist()]
CSV = "x,y\n" + "".join(f"{x},{y}\n" for (x,), (y,) in zip(X, Y, strict=True))
IRIS = load_iris()
READINGS, KINDS = IRIS.data[::10].tolist(), [str(IRIS.target_names[each]) for each in IRIS.target[::10]]
WAYS: dict[str, dict[str, Any]] = {
    "json": {"json": {"inputs": X, "targets": Y}},
    "numbers": {"json": {"inputs": [x for (x,) in X], "targets": [y for (y,) in Y]}},
    "form": {"files": [(name, (None, str(each))) for name, rows in (("inputs", X), ("targets", Y)) for each in rows]},
    "csv": {"data": {"checkpoint": "sine"}, "files": [("table", ("points.csv", CSV.encode()))]},
    "no header": {"data": {"checkpoint": "sine"}, "files": [("table", ("p.tsv", CSV[4:].replace(",", "\t").encode()))]},
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with the shipped `omniglot` and `sine`, and `readings`, which classifies vectors of four numbers."""
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in ("omniglot.safetensors", "sine.safetensors"):
        (folder / name).symlink_to(SHIPPED / name)
    about = CheckpointMetadata(
        name="readings",
        created_at="",
        input=VectorInput(size=4, mean=tuple(IRIS.data.mean(axis=0)), scale=tuple(IRIS.data.std(axis=0))),
        network=LinearMap(size=4),
        head=LogisticHead(),
        inner=InnerSpec(optimizer="sgd", steps=0, learning_rate=0.1),
    )
    save_checkpoint(folder / "readings.safetensors", about, about.build().initialize(0))
    server = Server(
        tmp_path_factory.mktemp("server"), checkpoints=folder, checkpoint="omniglot", refusals_per_second=10_000
    )
    server.start()
    yield server.url
    server.stop()


def adapted(url: str, **body: Any) -> Any:
    response = httpx.post(f"{url}/adapt", **body)
    assert response.status_code == 201, response.text
    return response.json()


def test_every_way_to_send_points_makes_the_same_model(url: str) -> None:
    first, *others = (
        adapted(url, **{"json": {**body["json"], "checkpoint": "sine"}} if "json" in body else body)
        for body in (WAYS["json"], WAYS["numbers"], WAYS["csv"], WAYS["no header"])
    )
    form = adapted(url, data={"checkpoint": "sine"}, files=WAYS["form"]["files"])
    for made in (*others, form):
        assert made["loss_curve"] == pytest.approx(first["loss_curve"], abs=1e-5)
    assert (first["classes"], first["shots"], first["steps"], first["validation"]) == ([], {}, 32, None)
    assert first["loss_curve"][-1] < 0.1 * first["loss_curve"][0]
    assert 0.9 < first["support_accuracy"] < 1


def test_a_model_estimates_the_wave_between_its_points(url: str) -> None:
    with Client(url) as client:
        model = client.adapt(inputs=X, targets=Y, checkpoint="sine")
        told = client.predict(model.id, inputs=ASKED)
        assert told.predictions == []
        wave = [3 * np.sin(x + 1) for (x,) in ASKED]
        assert np.mean((np.array([each.values[0] for each in told.estimates]) - wave) ** 2) < 0.5
        kept = client.images(model.id)
        assert [json.loads(each.text or "") for each in kept] == [pytest.approx(x) for x in X]
        assert [each.target for each in kept] == [pytest.approx(y) for y in Y]
        version = client.revise(model.id, remove=[0, 1], inputs=[[5.0]], targets=[[3 * np.sin(6)]])
        assert len(client.images(version.id)) == 9
        assert version.version == 2
        session = InferenceSession(client.export(model.id))
        about = json.loads(client.export(model.id, "json"))
        (values,) = session.run([about["output"]], {about["input"]: np.array(ASKED, dtype=np.float32)})
        assert values.tolist() == [pytest.approx(each.values, abs=1e-4) for each in told.estimates]
        assert {each.name: (each.takes, each.input_size, each.targets) for each in client.checkpoints()} == {
            "omniglot": ("images", 0, 0),
            "readings": ("inputs", 4, 0),
            "sine": ("inputs", 1, 1),
        }


def test_weights_come_back_where_nothing_is_to_be_kept(url: str) -> None:
    with Client(url) as client:
        before = len(list(client.models()))
        file = client.adapt_weights(inputs=X, targets=Y, checkpoint="sine")
        assert len(list(client.models())) == before
        model = client.adapt(inputs=X, targets=Y, checkpoint="sine")
        tensors, kept = load(file), load(client.export(model.id, "safetensors"))
        with pytest.raises(APIError, match="targets"):
            client.adapt_weights(inputs=X, checkpoint="sine")
    assert tensors.keys() == kept.keys()
    for name, tensor in tensors.items():
        np.testing.assert_allclose(tensor, kept[name], atol=1e-5)


def test_vectors_are_classified(url: str) -> None:
    with Client(url) as client:
        model = client.adapt(inputs=READINGS, labels=KINDS, checkpoint="readings")
        told = client.predict(model.id, inputs=IRIS.data[1::10])
        right = sum(
            IRIS.target_names[true] == each.label
            for true, each in zip(IRIS.target[1::10], told.predictions, strict=True)
        )
        assert model.classes == ["setosa", "versicolor", "virginica"]
        assert right >= 11
        assert told.estimates == []
    test_set = {"inputs": IRIS.data[2::10].tolist(), "labels": [str(IRIS.target_names[n]) for n in IRIS.target[2::10]]}
    found = httpx.post(f"{url}/models/{model.id}/evaluate", json=test_set).raise_for_status().json()
    assert found["images"] == 15
    assert found["accuracy"] > 0.6
    looked = httpx.post(f"{url}/inspect", json={**test_set, "checkpoint": "readings"}).raise_for_status().json()
    assert json.loads(looked["pictures"][0]["text"]) == pytest.approx(test_set["inputs"][0])


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"inputs": [[float("nan")], *X[1:]]}, "numbers-invalid", r"inputs\[0\] cannot be used: number 1 of it is nan"),
        ({"inputs": [*X[:9], [1e300]]}, "numbers-invalid", r"inputs\[9\] .* not finite in single precision"),
        ({"targets": [*Y[:9], [float("inf")]]}, "numbers-invalid", r"targets\[9\] cannot be used: .* is inf"),
        (
            {"inputs": [*X[:9], [1, 2]]},
            "numbers-invalid",
            r"inputs\[9\] .* it has 2 numbers, and the checkpoint takes 1",
        ),
        (
            {"targets": [*Y[:9], []]},
            "numbers-invalid",
            r"targets\[9\] .* it has 0 numbers, and the checkpoint estimates",
        ),
        ({"inputs": []}, "inputs-missing", "Send vectors of 1 number in the field 'inputs'"),
        ({"targets": Y[1:]}, "targets-mismatch", "There are 10 inputs and 9 targets"),
        ({"targets": []}, "targets-mismatch", "There are 10 inputs and 0 targets"),
        ({"labels": ["a"] * 10}, "upload-ambiguous", "either labels or targets"),
        ({"labels": ["a"] * 10, "targets": []}, "examples-unsuitable", "Checkpoint sine takes targets, and labels"),
        ({"checkpoint": "readings"}, "examples-unsuitable", "Checkpoint readings takes labels, and targets were sent"),
        ({"checkpoint": "omniglot"}, "examples-unsuitable", "Checkpoint omniglot takes images, and inputs were sent"),
        ({"inputs": X * 101, "targets": Y * 101}, "too-many-inputs", r"1010 inputs; .* 1000 \(KSHOT_MAX_INPUTS\)"),
        ({"inputs": ["one", *X[1:]]}, "request-invalid", "inputs: send a list of numbers"),
    ],
)
def test_what_cannot_be_used_is_named(url: str, body: dict[str, Any], kind: str, said: str) -> None:
    sent = json.dumps({"checkpoint": "sine", "inputs": X, "targets": Y} | body)
    response = httpx.post(f"{url}/adapt", content=sent, headers={"Content-Type": "application/json"})
    assert response.status_code in (413, 422), response.text
    problem = response.json()
    assert problem["type"].startswith(f"/problems/{kind}"), problem
    assert re.search(said, json.dumps(problem, ensure_ascii=False)), problem


@pytest.mark.parametrize(
    ("table", "kind", "said"),
    [
        ("x,y\n" + "1,2\n" * 100_000, "too-many-inputs", r"may have 1000 \(KSHOT_MAX_INPUTS\)"),
        ("x,y\n1,2\n1\n", "table-unreadable", "points.csv has 1 cells in row 3; .* 1 number of an example and 1 after"),
        ("x,y\n1,2\none,2\n", "numbers-invalid", "points.csv, row 3 cannot be used: number 1 of it is 'one'"),
        ("x,y\n1,2\n1,\n", "numbers-invalid", "The target of points.csv, row 3 cannot be used: number 1 of it is ''"),
        ("x,y\n", "table-unreadable", "points.csv has no rows of numbers"),
        ("", "table-unreadable", "points.csv has no rows"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(url: str, table: str, kind: str, said: str) -> None:
    files = [("table", ("points.csv", table.encode()))]
    response = httpx.post(f"{url}/adapt", data={"checkpoint": "sine"}, files=files)
    assert response.status_code in (413, 422), response.text
    assert response.json()["type"] == f"/problems/{kind}"
    assert re.search(said, response.json()["detail"]), response.text


def test_a_model_that_estimates_is_not_asked_for_labels(url: str) -> None:
    model_id = adapted(url, json={"inputs": X, "targets": Y, "checkpoint": "sine"})["id"]
    for path in ("evaluate", "rank"):
        response = httpx.post(f"{url}/models/{model_id}/{path}", json={"inputs": X})
        assert response.status_code == 422
        assert "estimates numbers and knows no labels" in response.json()["detail"]
    left = httpx.post(f"{url}/models/{model_id}/versions", json={"remove": list(range(10))})
    assert left.json()["type"] == "/problems/inputs-missing"


def test_the_command_line_adapts_to_points_and_estimates_others(url: str, tmp_path: Path) -> None:
    def kshot(*arguments: object) -> str:
        done = CliRunner().invoke(command_line(), [*map(str, arguments), "--url", url])
        assert done.exit_code == 0, done.output
        return done.stdout

    points, new = tmp_path / "points.csv", tmp_path / "new.csv"
    points.write_text(CSV)
    new.write_text("x\n" + "0.5\n" * 300)  # more than a request takes
    assert "of the variance of these targets" in kshot("adapt", points, "--checkpoint", "sine")
    model_id = json.loads(kshot("adapt", points, "--checkpoint", "sine", "--json"))["id"]
    said = list(csv.DictReader(io.StringIO(kshot("predict", model_id, new, "--csv"))))
    assert [int(row["row"]) for row in said] == list(range(2, 302))
    assert {row["values"] for row in said} == {said[0]["values"]}
    assert float(said[0]["values"]) == pytest.approx(3 * np.sin(1.5), abs=1)
    assert "new.csv, row 9" in kshot("predict", model_id, new)
