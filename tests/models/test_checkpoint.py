"""Checkpoint files: what is saved comes back, and what is wrong with a file is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from meta_training.data.domains import TERMS
from models.checkpoint import SHIPPED, Checkpoint, _digest, load_checkpoint, save_checkpoint
from models.errors import CheckpointError
from models.inputs.image import ImageInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.conv4.network import Conv4
from models.parameters import Parameters


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    metadata = CheckpointMetadata(
        name="tiny",
        created_at="2026-01-01T00:00:00+00:00",
        input=ImageInput(channels=1, size=16),
        network=Conv4(channels=1, size=16),
        inner=InnerSpec(steps=3, learning_rate=0.01),
    )
    save_checkpoint(tmp_path / "tiny.safetensors", metadata, metadata.build().initialize(seed=3))
    return tmp_path / "tiny.safetensors"


def contents(path: Path) -> tuple[dict[str, str], Parameters]:
    with safe_open(path, framework="pt") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in list(file.keys())}


def test_what_is_saved_comes_back(saved: Path) -> None:
    checkpoint = load_checkpoint(saved)
    expected = checkpoint.metadata.build().initialize(seed=3)
    assert checkpoint.metadata.name == "tiny"
    for name, tensor in expected.parameters.items():
        assert torch.equal(checkpoint.initialization.parameters[name], tensor)


def test_the_digest_tells_weights_apart(saved: Path) -> None:
    first = load_checkpoint(saved)
    again = save_checkpoint(saved, first.metadata, first.initialization)
    other = save_checkpoint(saved, first.metadata, first.metadata.build().initialize(seed=4))
    assert again.digest == first.digest != other.digest


def test_saving_leaves_nothing_but_the_file(saved: Path) -> None:
    assert list(saved.parent.iterdir()) == [saved]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not exist"):
        load_checkpoint(tmp_path / "none.safetensors")


@pytest.mark.parametrize("kept", [0, 7, 200, -1])
def test_a_truncated_file_is_said(saved: Path, kept: int) -> None:
    saved.write_bytes(saved.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match="truncated or not a safetensors file"):
        load_checkpoint(saved)


def test_a_changed_weight_is_said(saved: Path) -> None:
    data = bytearray(saved.read_bytes())
    data[-5] ^= 1
    saved.write_bytes(data)
    with pytest.raises(CheckpointError, match="digest does not match"):
        load_checkpoint(saved)


def test_changed_metadata_is_said(saved: Path) -> None:
    header, tensors = contents(saved)
    document = json.loads(header["kshot"]) | {"name": "other"}
    save_file(tensors, saved, header | {"kshot": json.dumps(document)})
    with pytest.raises(CheckpointError, match="digest does not match"):
        load_checkpoint(saved)


def test_a_safetensors_file_of_something_else_is_said(saved: Path) -> None:
    save_file({"weight": torch.zeros(2)}, saved)
    with pytest.raises(CheckpointError, match="not a kshot checkpoint"):
        load_checkpoint(saved)


def test_another_format_is_said(saved: Path) -> None:
    checkpoint = load_checkpoint(saved)
    save_checkpoint(saved, checkpoint.metadata.model_copy(update={"format": 99}), checkpoint.initialization)
    with pytest.raises(CheckpointError, match="format 99"):
        load_checkpoint(saved)


def test_a_tensor_that_the_architecture_does_not_have_is_named(saved: Path) -> None:
    checkpoint = load_checkpoint(saved)
    network = checkpoint.metadata.network.model_copy(update={"filters": 32})
    save_checkpoint(saved, checkpoint.metadata.model_copy(update={"network": network}), checkpoint.initialization)
    with pytest.raises(CheckpointError, match=r"tensor (parameters|moments)\.\S+ is \("):
        load_checkpoint(saved)


def crafted(path: Path, document: str | None = None, **changed: torch.Tensor) -> None:
    """Rewrites a checkpoint with other metadata or tensors, and the digest that goes with them."""
    header, tensors = contents(path)
    document = header["kshot"] if document is None else document
    tensors |= {f"parameters.{name.replace('_', '.')}": tensor for name, tensor in changed.items()}
    save_file(tensors, path, {"kshot": document, "digest": _digest(document, tensors)})


@pytest.mark.parametrize("document", ["", "no JSON", "[1, 2]", "7", "null", "[" * 100_000])
def test_metadata_of_another_kind_is_said(saved: Path, document: str) -> None:
    crafted(saved, document)
    with pytest.raises(CheckpointError, match=r"no JSON|format None"):
        load_checkpoint(saved)


@pytest.mark.parametrize("filters", [100_000, 10**12, 10**30])
def test_metadata_of_a_huge_network_takes_no_memory(saved: Path, filters: int) -> None:
    metadata = json.loads(contents(saved)[0]["kshot"])
    crafted(saved, json.dumps(metadata | {"network": metadata["network"] | {"filters": filters}}))
    with pytest.raises(CheckpointError, match="the architecture in its metadata has"):
        load_checkpoint(saved)


@pytest.mark.parametrize(
    ("gamma", "message"),
    [
        (torch.tensor(1.0), r"conv1\.gamma is \(\)"),
        (torch.ones(1, 64, dtype=torch.float16), r"conv1\.gamma is not of finite float32"),
        (torch.full((1, 64), torch.nan), r"conv1\.gamma is not of finite float32"),
        (torch.full((1, 64), torch.inf), r"conv1\.gamma is not of finite float32"),
    ],
)
def test_tensors_that_cannot_be_weights_are_named(saved: Path, gamma: torch.Tensor, message: str) -> None:
    crafted(saved, conv1_gamma=gamma)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(saved)


@pytest.fixture(params=sorted(SHIPPED.glob("*.safetensors")), ids=lambda path: path.stem)
def shipped(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Checkpoint]:
    path = Path(shutil.copy(request.param, tmp_path))
    return request.param, load_checkpoint(path)


def test_the_card_of_photo_lists_each_domain_it_is_trained_on_with_its_terms() -> None:
    card = json.loads((SHIPPED / "photo.json").read_text())
    assert card["domains"] == TERMS
    assert {name for run in card["runs"] for name in run["domains"]} == card["domains"].keys()
    assert card["config"]["meta_steps"] == sum(run["meta_steps"] for run in card["runs"])


def test_a_shipped_checkpoint_has_a_card_that_is_about_it(shipped: tuple[Path, Checkpoint]) -> None:
    path, checkpoint = shipped
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["name"] == checkpoint.metadata.name == path.stem
    assert card["digest"] == checkpoint.digest
    assert card["command"] == checkpoint.metadata.command
    scored_elsewhere = card.get("domains")  # on whole data sets, by benchmarks
    scored = card["results"].get("test") or card.get("errors")
    assert card["config"]["meta_steps"] == 0 or scored_elsewhere or scored
