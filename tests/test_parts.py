"""Parts of a user's own: trained, saved, loaded, served and exported, with no other file changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from PIL import Image
from pydantic import ValidationError

from kshot import Client
from meta_training.config import TrainConfig
from meta_training.data.encoding import encoded
from meta_training.data.image_classes import read_classes
from meta_training.data.splits import Split
from meta_training.launch import describe
from meta_training.presets import OMNIGLOT
from meta_training.run_folder import RunFolder
from meta_training.training import Training
from models.checkpoint import load_checkpoint, save_checkpoint
from models.encoders.none import NoEncoder
from models.errors import PartsError
from models.heads.prototype import PrototypeHead
from models.metadata import CheckpointMetadata
from models.parts import import_parts, register
from tests.serving import Server

CPU = torch.device("cpu")
PARTS = Path(__file__).parent / "parts"
PATH = "PYTHONPATH"
TOYS = {
    "input": {"type": "toy-thumbnail"},
    "encoder": {"type": "toy-blur", "gain": 2.0},
    "network": {"type": "toy-squash", "size": 36},
    "head": {"type": "toy-sums"},
}


@pytest.fixture(scope="module", autouse=True)
def my_parts() -> Iterator[None]:
    sys.path.insert(0, str(PARTS))
    import_parts("my_parts")
    yield
    sys.path.remove(str(PARTS))


@pytest.fixture(scope="module")
def folder(drawings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the checkpoint `toy`, after four meta steps."""
    folder = tmp_path_factory.mktemp("toy")
    document = OMNIGLOT.document() | TOYS | {"name": "toy", "ways": (3, 3), "shots": 5, "meta_steps": 4}
    config = replace(TrainConfig.read(document), validation=False)
    classes = read_classes([drawings / "support"], config.input)
    split = encoded(Split("drawings", 0, classes, classes, classes), config, CPU)
    training = Training(config, describe(config, split), split, RunFolder(folder / "run"), CPU)
    before = training.theta
    training.run()
    made = training.checkpoint()
    assert training.done
    assert not torch.equal(made.initialization.parameters["squash.w"], before.parameters["squash.w"])
    save_checkpoint(folder / "toy.safetensors", made.metadata, made.initialization, made.encoder)
    return folder


def test_a_checkpoint_of_them_is_read_as_it_was_saved(folder: Path) -> None:
    metadata = load_checkpoint(folder / "toy.safetensors").metadata
    document = json.loads(metadata.model_dump_json())
    assert {kind: document[kind]["type"] for kind in TOYS} == {kind: toy["type"] for kind, toy in TOYS.items()}
    assert document["encoder"]["gain"] == 2.0


def test_they_are_served_and_exported(
    folder: Path, drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PATH, os.pathsep.join([str(PARTS), os.environ.get(PATH, "")]))
    server = Server(tmp_path, checkpoints=folder, checkpoint="toy", parts="my_parts")
    server.start()
    with Client(server.url) as client:
        model = client.adapt(drawings / "support", steps=3)
        queries = sorted((drawings / "query").glob("*/*.png"))
        said = client.predict(model.id, queries, top_k=len(model.classes)).predictions
        version = client.revise(model.id, steps=0)  # from the examples that were kept
        file = client.export(model.id)
    server.stop()
    right = [each.label == path.parent.name for each, path in zip(said, queries, strict=True)]
    assert sum(right) / len(right) > 0.4  # 0.2 by chance
    assert len(model.loss_curve) == 4
    assert version.loss_curve[0] == pytest.approx(model.loss_curve[0], abs=1e-4)
    scores = [{each.label: each.score for each in prediction.top} for prediction in said]
    served = np.array([[each[label] for label in model.classes] for each in scores])
    examples = np.stack([_thumbnail(path) for path in queries])
    (exported,) = InferenceSession(file).run(["probabilities"], {"images": examples})
    np.testing.assert_allclose(exported, served, atol=1e-4)


def _thumbnail(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        grey = picture.convert("L").resize((12, 12), Image.Resampling.BOX)
    return np.array(grey)[None]


def test_a_module_that_cannot_be_imported_is_named() -> None:
    with pytest.raises(PartsError, match=r"KSHOT_PARTS names 'no_parts', which cannot be imported.*PYTHONPATH"):
        import_parts("my_parts, no_parts")


def test_training_says_which_module_cannot_be_imported(drawings: Path) -> None:
    command = [sys.executable, "-m", "kshot", "train", "--data", str(drawings), "--parts", "no_parts"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "KSHOT_PARTS names 'no_parts'" in done.stderr


def test_a_type_that_nobody_registered_is_named_beside_those_there_are() -> None:
    document = OMNIGLOT.document() | {"head": {"type": "guess"}}
    with pytest.raises(ValidationError, match=r"'guess' is not one of the head types .*dense, logistic, prototype"):
        TrainConfig.read(document)


def test_a_type_is_registered_once() -> None:
    with pytest.raises(ValueError, match=r"has the type 'prototype', which models\.heads\.prototype\."):

        @register
        class Other(PrototypeHead):
            pass


def test_parts_that_do_not_fit_are_refused_with_their_shapes() -> None:
    config = OMNIGLOT.document()
    with pytest.raises(ValidationError, match=r"network conv4 takes 28×28×1, and it gets 32×32×1 from input image"):
        CheckpointMetadata.model_validate(
            {
                "name": "odd",
                "created_at": "",
                "encoder": NoEncoder(),
                **{kind: config[kind] for kind in ("network", "head", "inner")},
                "input": config["input"] | {"size": 32},
            }
        )
