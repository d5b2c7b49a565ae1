"""Exported files give the learner's answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnxruntime import InferenceSession
from PIL import Image
from safetensors.torch import load
from torch import Tensor

from models.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from models.export.onnx_file import build_onnx
from models.export.safetensors_file import build_safetensors
from models.initializations.adapted import Adapted
from models.inputs.image import ImageInput
from models.learner import Learner
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.conv4.network import Conv4
from models.tasks import Support

DATA = Path(__file__).parents[2] / "data"
CPU = torch.device("cpu")


def made(checkpoint: Checkpoint, folder: str) -> tuple[Learner, Adapted, Tensor]:
    """A learner, a model of three classes, and images to ask about."""
    learner = Learner(checkpoint, CPU)
    classes = sorted((DATA / folder / "support").iterdir())[:3]
    support = [path for each in classes for path in sorted(each.iterdir())[:3]]
    images, queries = (
        torch.stack([checkpoint.metadata.input.prepare(Image.open(path)) for path in paths])
        for paths in (support, sorted((DATA / folder / "query").glob("*/*")))
    )
    task = Support(learner.encode(images), torch.arange(9) // 3, 3, steps=5, learning_rate=1e-3)
    (adaptation,) = learner.adapt([task])
    return learner, adaptation.adapted, queries


@pytest.mark.parametrize(("name", "folder"), [("photo", "photos"), ("omniglot", "drawings")])
def test_the_onnx_file_answers_as_the_learner(name: str, folder: str) -> None:
    checkpoint = load_checkpoint(SHIPPED / f"{name}.safetensors")
    learner, adapted, queries = made(checkpoint, folder)
    file = build_onnx(checkpoint, adapted, ["a", "ü", "猫"], {"model": "m"})
    onnx.checker.check_model(onnx.load_from_string(file), full_check=True)
    (expected,) = learner.predict([adapted], [learner.encode(queries)])
    session = InferenceSession(file)
    got = dict(
        zip([each.name for each in session.get_outputs()], session.run(None, {"images": queries.numpy()}), strict=True)
    )
    np.testing.assert_allclose(got["probabilities"], expected.probabilities, atol=1e-4)
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["labels"]) == ["a", "ü", "猫"]
    assert json.loads(about["checkpoint"])["digest"] == checkpoint.digest
    assert about["model"] == "m"
    familiarity, known = expected.looks
    assert familiarity is not None
    assert known is not None
    np.testing.assert_allclose(got["familiarity"], familiarity, atol=1e-4)
    assert (got["known"] == known.numpy()).all()


def test_a_pooling_network_of_another_size_is_exported_too() -> None:
    metadata = CheckpointMetadata(
        name="pooling",
        created_at="",
        network=Conv4(channels=3, size=45, filters=8, pool=True),
        input=ImageInput(channels=3, size=45, mean=0.4, std=0.3),
        inner=InnerSpec(steps=5, learning_rate=1e-3),
    )
    checkpoint = Checkpoint(metadata, metadata.build().initialize(0), "")
    learner, adapted, queries = made(checkpoint, "photos")
    (expected,) = learner.predict([adapted], [learner.encode(queries)])
    session = InferenceSession(build_onnx(checkpoint, adapted, ["a", "b", "c"], {}))
    (got,) = session.run(["probabilities"], {"images": queries.numpy()})
    np.testing.assert_allclose(got, expected.probabilities, atol=1e-4)


def test_the_safetensors_file_has_every_weight() -> None:
    checkpoint = load_checkpoint(SHIPPED / "photo.safetensors")
    _, adapted, _ = made(checkpoint, "photos")
    tensors = load(build_safetensors(checkpoint, adapted, ["a", "b", "c"], {}))
    assert {f"encoder.{name}" for name in checkpoint.encoder} < tensors.keys()
    assert {f"parameters.{name}" for name in checkpoint.initialization.parameters} < tensors.keys()
    assert tensors["parameters.head.weight"].shape[0] == 3
