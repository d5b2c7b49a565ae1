"""Metadata of every format are read as they would be written today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from meta_training.config import TrainConfig
from meta_training.presets import OMNIGLOT_5WAY, PHOTO
from models.checkpoint import SHIPPED, load_checkpoint
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.none import NoEncoder
from models.estimates.expected.accuracy import AccuracySpec
from models.heads.dense import DenseHead
from models.heads.logistic import LogisticHead
from models.heads.prototype import PrototypeHead
from models.inputs.image import ImageInput
from models.learner import Learner
from models.metadata import FORMAT, CheckpointMetadata, bring_up_to_date, calibration_up_to_date
from models.networks.conv4.network import Conv4
from models.networks.last_block import LastBlock
from models.tasks import Support

DATA = Path(__file__).parents[1] / "data"
INNER = {"steps": 5, "learning_rate": 0.001}
DRAWINGS: dict[str, Any] = {
    "format": 1,
    "name": "drawings",
    "created_at": "",
    "encoder": None,
    "network": {"type": "conv4", "filters": 32, "pool": True},
    "input": {"channels": 3, "size": 84, "mean": 0.0, "std": 1.0, "fit": "pad"},
    "head": {"policy": "dense", "ways": 5, "temperature": 1.0, "penalty": 0.001},
    "inner": INNER,
}


def read(document: dict[str, Any]) -> CheckpointMetadata:
    return CheckpointMetadata.model_validate(bring_up_to_date(document))


def test_format_1_becomes_parts_of_today() -> None:
    metadata = read(DRAWINGS)
    assert metadata.format == FORMAT
    assert metadata.input == ImageInput(channels=3, size=84)
    assert metadata.encoder == NoEncoder()
    assert metadata.network == Conv4(channels=3, size=84, filters=32, pool=True)
    assert metadata.head == DenseHead(ways=5)


def test_format_1_without_what_had_defaults_is_read_by_them() -> None:
    metadata = read({name: value for name, value in DRAWINGS.items() if name not in ("encoder", "network", "head")})
    assert metadata.network == Conv4(channels=3, size=84)
    assert metadata.head == PrototypeHead()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": {"policy": "zero"}}, "its head is 'zero'"),
        ({"encoder": {"size": 224, "until": 15, "taps": [3]}}, "its encoder has taps"),
    ],
)
def test_what_todays_learners_lack_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        bring_up_to_date({**DRAWINGS, **change})


def test_metadata_of_today_stay_as_they_are() -> None:
    document = read(DRAWINGS).model_dump(mode="json")
    assert bring_up_to_date(document) == document


def test_a_run_that_an_older_version_started_can_be_resumed() -> None:
    old = OMNIGLOT_5WAY.document() | {
        "encoder": None,
        "input": {"channels": 1, "size": 28, "mean": 0.0, "std": 1.0, "fit": "pad"},
        "network": {"type": "conv4", "filters": 64, "pool": False},
        "head": {"policy": "dense", "ways": 5, "temperature": 1.0, "penalty": 0.001},
    }
    assert TrainConfig.read(old) == OMNIGLOT_5WAY
    assert TrainConfig.read(PHOTO.document()) == PHOTO


SHIPPED_BEFORE = {
    "photo": "sha256:af0a92ee4e9f06f54e77d316863153255684526e3deb93eb7266a177f4c0285d",
    "omniglot": "sha256:374486c2dcd4c9ac9a4b3fb16970ef4b739c626b9d5e32d3b7a7b91d044c0f22",
}


LAST_OF_FORMAT_3 = {
    "photo": "sha256:43d8b9d712dca9f559d02c265eb0fa881b793b55cbd25d81ccf59945c9ba87d5",
    "omniglot": "sha256:dbaee05cb53154032af458b85e23f271765fc541c5d9a610a54a29a680d9f847",
    "text": "sha256:3420eae06f00b53f93de892fc47d41a10dec557606d7e44e6785fbad7856df40",
}


@pytest.mark.parametrize(("name", "digest"), [*SHIPPED_BEFORE.items(), *LAST_OF_FORMAT_3.items()])
def test_models_of_the_files_shipped_before_are_served(name: str, digest: str) -> None:
    assert load_checkpoint(SHIPPED / f"{name}.safetensors").serves(digest)


def test_a_file_of_format_1_keeps_the_digest_that_stored_models_name() -> None:
    assert load_checkpoint(DATA / "checkpoints" / "omniglot-format-1.safetensors").digest == SHIPPED_BEFORE["omniglot"]


def test_a_calibration_of_an_earlier_format_is_read_as_it_would_be_written_today() -> None:
    """What was expected there was linear in a probability, which no one can expect any more."""
    plain = {"temperature": 0.7, "familiar": 0.55}
    line = {"slope": 0.54, "offset": 0.469}
    sets = {"coverages": [0.8, 0.9], "levels": [0.5, 0.7]}
    today = load_checkpoint(SHIPPED / "omniglot.safetensors").metadata.model_dump(mode="json")
    for version, before in ((2, plain | line), (3, plain | {"accuracy": {**line, "spread": 0.01}, "label_sets": sets})):
        found = read({**today, "format": version, "calibration": before})
        assert found.format == FORMAT
        assert found.calibration is not None
        assert (found.calibration.temperature, found.calibration.familiar) == (0.7, 0.55)
        assert found.calibration.accuracy == AccuracySpec()
    assert found.calibration.label_sets is not None
    assert found.calibration.label_sets.level(0.9, expected=0.6) == 0.7


def test_a_calibration_of_today_stays_as_it_is() -> None:
    calibration = load_checkpoint(SHIPPED / "omniglot.safetensors").metadata.calibration
    assert calibration is not None
    document = {"calibration": calibration.model_dump(mode="json")}
    assert calibration_up_to_date(document) == document


def test_the_shipped_files_hold_the_parts_that_their_presets_do() -> None:
    photo = load_checkpoint(SHIPPED / "photo.safetensors").metadata
    assert photo.encoder == EfficientNetLite(variant=0, size=224, until=15) == PHOTO.encoder
    assert photo.network == LastBlock(variant=0, size=224) == PHOTO.network
    assert photo.head == LogisticHead(penalty=1e-3) == PHOTO.head


# What the last build that read format 1 alone gave, for 12 images with labels that have nothing to do with them.
LOSSES_BEFORE = {
    "photo": [0.07986, 0.03967, 0.03007, 0.02557, 0.02409],
    "omniglot": [0.6147, 0.0392, 0.01507, 0.00862, 0.0064],
}


@pytest.mark.parametrize(
    ("name", "folder", "fit", "start"),
    [("photo", "photos", "crop", {"imagenet": 1.0}), ("omniglot", "drawings", "pad", None)],
)
def test_what_was_shipped_before_adapts_as_it_did(
    name: str, folder: str, fit: str, start: dict[str, float] | None
) -> None:
    learner = Learner(load_checkpoint(SHIPPED / f"{name}.safetensors"), torch.device("cpu"))
    classes = sorted((DATA / folder / "support").iterdir())[:4]
    paths = [path for each in classes for path in sorted(each.iterdir())[:3]]
    spec = learner.checkpoint.metadata.input.model_copy(update={"fit": fit})
    images = learner.encode(torch.stack([spec.prepare(Image.open(path)) for path in paths]))
    support = Support(images, torch.arange(12) % 4, 4, steps=4, learning_rate=1e-3, initialization=start)
    (made,) = learner.adapt([support])
    torch.testing.assert_close(torch.tensor(made.losses), torch.tensor(LOSSES_BEFORE[name]), rtol=1e-2, atol=1e-4)
