"""Any ONNX file as an encoder, from the file to a served and exported model."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper, save
from onnxruntime import InferenceSession
from PIL import Image

from kshot import Client
from meta_training.checkpoints.from_onnx import build_checkpoint
from models.checkpoint import load_checkpoint
from models.encoders.onnx_reading import read_encoder
from models.errors import EncoderError
from models.heads.logistic import LogisticHead
from models.inputs.image import ImageInput
from models.inputs.interface import Input
from models.learner import Learner
from models.metadata import InnerSpec
from models.tasks import Support
from tests.serving import Server

CPU = torch.device("cpu")
SIZE, CHANNELS = 32, 6
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
PHOTOS = Path(__file__).parents[2] / "data" / "photos"


def network(path: Path, *, kind: str = "pooled", opset: int = 17, batch: int | str = "B") -> Path:
    """A small network: a convolution of stride 4, a ReLU with a bound, and the output that `kind` says."""
    rng = np.random.default_rng(0)
    kernels = rng.normal(size=(CHANNELS, 3, 5, 5)).astype(np.float32)
    constants = [numpy_helper.from_array(kernels, "kernels"), numpy_helper.from_array(np.float32(9), "high")]
    nodes = [
        helper.make_node("Conv", ["pixels", "kernels"], ["y"], strides=[4, 4], pads=[2, 2, 2, 2]),
        helper.make_node("Clip", ["y", "", "high"], ["places"]),
    ]
    outputs = {"places": ["B", CHANNELS, 8, 8]}
    if kind == "tokens":
        constants.append(numpy_helper.from_array(np.array([0, CHANNELS, -1]), "flat"))
        nodes.append(helper.make_node("Reshape", ["places", "flat"], ["rows"]))
        nodes.append(helper.make_node("Transpose", ["rows"], ["tokens"], perm=[0, 2, 1]))
        outputs = {"tokens": ["B", 64, CHANNELS]}
    if kind == "pooled":
        nodes.append(helper.make_node("GlobalMaxPool", ["places"], ["largest"]))
        nodes.append(helper.make_node("Flatten", ["largest"], ["features"]))
        outputs = {"features": ["B", CHANNELS], **outputs}
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [batch, 3, SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        constants,
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def images() -> torch.Tensor:
    spec = ImageInput(channels=3, size=SIZE, fit="crop")
    return torch.stack([spec.prepare(Image.open(path)) for path in sorted(PHOTOS.glob("support/*/1.jpg"))])


@pytest.mark.parametrize(
    ("kind", "pool", "opset"),
    [
        ("pooled", "none", 17),
        ("pooled", "none", 11),
        ("places", "places", 13),
        ("places", "places", 20),
        ("tokens", "first", 18),
        ("tokens", "mean", 17),
    ],
)
def test_images_are_normalized_encoded_and_pooled(tmp_path: Path, kind: str, pool: str, opset: int) -> None:
    path = network(tmp_path / "small.onnx", kind=kind, opset=opset, batch=1)
    chosen = None if pool == "first" else pool
    encoder, weights = read_encoder(path, SIZE, MEAN, STD, pool=chosen)  # type: ignore[arg-type]
    assert encoder.features == CHANNELS
    pictures = images()
    pixels = (pictures / 255 - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)
    session = InferenceSession(network(path, kind=kind))
    found = torch.from_numpy(session.run(None, {"pixels": pixels.numpy()})[0])
    pooled = {
        "none": lambda: found,
        "first": lambda: found[:, 0],
        "mean": lambda: found.mean(dim=1),
        "places": lambda: found.flatten(2).mean(dim=2),
    }
    source = ImageInput(channels=3, size=SIZE)
    got = encoder.build(weights, source, CPU, threads=1)(pictures)
    torch.testing.assert_close(got, pooled[pool](), rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints, one of them made by the command."""
    folder = tmp_path_factory.mktemp("checkpoints")
    done = build(network(folder / "small.onnx"), folder, "--steps", "3")
    assert f"KSHOT_CHECKPOINTS={folder} KSHOT_CHECKPOINT=small kshot serve" in done.stdout, done.stderr
    for name, kind, opset in (("old", "places", 13), ("new", "places", 20), ("tokens", "tokens", 18)):
        encoder, weights = read_encoder(network(folder / "any.onnx", kind=kind, opset=opset), SIZE, MEAN, STD)
        inner = InnerSpec(steps=3, learning_rate=1e-3)
        build_checkpoint(folder, name, encoder, weights, LogisticHead(), inner)
    return folder


@pytest.fixture(scope="module")
def client(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    server = Server(tmp_path_factory.mktemp("server"), checkpoints=folder, checkpoint="small")
    server.start()
    with Client(server.url) as client:
        yield client
    server.stop()


@pytest.mark.parametrize("name", ["small", "old", "new", "tokens"])
def test_a_checkpoint_built_of_a_file_is_served_and_exported(folder: Path, client: Client, name: str) -> None:
    """From a file of either age: adaptation with steps, answers, and the exported file's."""
    queries = sorted(PHOTOS.glob("query/*/*.jpg"))
    model = client.adapt(PHOTOS / "support", checkpoint=name)
    said = client.predict(model.id, queries, top_k=len(model.classes)).predictions
    assert model.steps == 3
    scores = [{each.label: each.score for each in prediction.top} for prediction in said]
    served = np.array([[each[label] for label in model.classes] for each in scores])
    spec = load_checkpoint(folder / f"{name}.safetensors").metadata.input
    prepared = np.stack([_prepared(spec, picture) for picture in queries])
    (exported,) = InferenceSession(client.export(model.id)).run(["probabilities"], {"images": prepared})
    np.testing.assert_allclose(exported, served, atol=1e-3)
    assert served.std() > 0.01


def _prepared(spec: Input, path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        spec.draft(picture)
        return spec.prepare(picture).numpy()


def build(path: Path, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    numbers = ["--mean", *map(str, MEAN), "--std", *map(str, STD)]
    options = ["--encoder", path, "--size", str(SIZE), "--name", "small", "--out", folder, *numbers, *more]
    command = [sys.executable, "-m", "kshot", "checkpoint", "build", *map(str, options)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_without_steps_the_head_sees_the_encoders_own_features(folder: Path) -> None:
    learner = Learner(load_checkpoint(folder / "small.safetensors"), CPU)
    pictures = learner.encode(images())
    ways = len(pictures)
    (made,) = learner.adapt([Support(pictures, torch.arange(ways), ways, steps=0, learning_rate=1e-3)])
    head = learner.architecture.head.build(
        torch.nn.functional.normalize(pictures, dim=1)[None], torch.arange(ways)[None], torch.tensor([ways])
    )
    tensors = learner.architecture.network.unpack(made.adapted.tensors, learner.initialization.parameters)
    largest = head["head.weight"].abs().max()
    torch.testing.assert_close(tensors["head.weight"], head["head.weight"][0], rtol=0, atol=float(largest) / 100)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 31}, r"does not take 2 images \[2, 3, 31, 31\] at once .*Say the side it takes by --size"),
        ({"output": "nothing"}, r"has no output 'nothing'; it has: features, places\. Name one of these by --output"),
        ({"pool": "mean"}, r"output 'features' is \[2, 6\] for 2 images, which cannot be pooled by mean"),
        ({"std": (0.0, 1.0, 1.0)}, r"std must be above 0"),
        ({"kind": "text"}, r"cannot be read as an ONNX model"),
        ({"kind": "empty"}, r"no ONNX model: it has no output|cannot be read"),
    ],
)
def test_a_file_that_is_no_encoder_is_refused_with_what_to_do(
    tmp_path: Path, options: dict[str, object], message: str
) -> None:
    path = network(tmp_path / "small.onnx")
    kind = options.pop("kind", None)
    if kind == "text":
        path.write_text("no model")
    if kind == "empty":
        path.write_bytes(b"")
    given = {"size": SIZE, "mean": MEAN, "std": STD} | options
    with pytest.raises(EncoderError, match=message):
        read_encoder(path, **given)  # type: ignore[arg-type]


def test_a_file_with_two_inputs_is_refused(tmp_path: Path) -> None:
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["B", 3, 8, 8]) for name in ("image", "text")]
    graph = helper.make_graph(
        [helper.make_node("Add", ["image", "text"], ["y"])],
        "two",
        inputs,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["B", 3, 8, 8])],
    )
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "two.onnx")
    with pytest.raises(EncoderError, match=r"has the inputs: image, text\. .*Export the image tower alone"):
        read_encoder(tmp_path / "two.onnx", 8, MEAN, STD)


def test_a_name_that_no_checkpoint_can_have_is_refused_in_a_line(tmp_path: Path) -> None:
    done = build(network(tmp_path / "small.onnx"), tmp_path, "--name", "Big One")
    assert done.returncode == 1
    assert done.stderr.startswith("error: name must be 1 to 64 of a-z")
    assert "Traceback" not in done.stderr


def test_a_checkpoint_says_in_plain_json_what_its_encoder_is(folder: Path) -> None:
    metadata = load_checkpoint(folder / "small.safetensors").metadata
    about = json.loads(metadata.model_dump_json())["encoder"]
    assert (about["type"], about["input_name"], about["output_name"]) == ("onnx", "pixels", "features")
    assert (about["mean"], about["std"], about["pool"]) == ([*MEAN], [*STD], "none")
    assert metadata.command.startswith("kshot checkpoint build --encoder")
