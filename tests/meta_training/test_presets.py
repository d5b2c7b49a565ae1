"""Every preset trains, whatever its head."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from meta_training.config import TrainConfig
from meta_training.data.encoding import encoded
from meta_training.data.image_classes import ImageClasses, read_classes
from meta_training.data.splits import Split
from meta_training.errors import RunError
from meta_training.launch import describe
from meta_training.presets import OMNIGLOT, PRESETS
from meta_training.run_folder import RunFolder
from meta_training.training import Training
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.heads.dense import DenseHead
from models.heads.linear import HEAD_WEIGHT
from models.inputs.image import ImageInput


def turned(drawings: Path, spec: ImageInput) -> ImageClasses:
    """The 8 classes of drawings, turned: 32 classes of 8 or fewer."""
    parts = [read_classes([drawings / part], spec).with_rotations() for part in ("support", "more")]
    names = tuple(name for part in parts for name in part.names)
    return ImageClasses(names, tuple(pictures for part in parts for pictures in part.images))


FOMAML = replace(PRESETS["omniglot-5way"], name="fomaml", algorithm="fomaml", tail_shots=2)


PICTURES = [preset for preset in PRESETS.values() if preset.input.field == "images"]


@pytest.mark.parametrize("preset", [*PICTURES, FOMAML], ids=lambda preset: preset.name)
def test_a_preset_takes_meta_steps_that_lower_the_loss_within_a_task(
    preset: TrainConfig, drawings: Path, tmp_path: Path
) -> None:
    classes = turned(drawings, preset.input)
    few = classes.subset(classes.names[:6]) if preset.encoder.weights() else classes
    head_shots = min(preset.head_shots, 5 - preset.loss_shots)
    config = replace(preset, meta_steps=2, shots=5, head_shots=head_shots).fitted(few)
    split = encoded(Split("drawings", 0, few, few, few), config, torch.device("cpu"))
    training = Training(config, describe(config, split), split, RunFolder(tmp_path), torch.device("cpu"))
    before = training.theta
    losses = training.meta_step()
    assert len(losses) == config.inner_steps
    assert losses[-1] < losses[0]
    assert training.theta.count == config.inner_steps
    assert (HEAD_WEIGHT in training.theta.parameters) == (config.head.fixed_ways is not None)
    for name, tensor in training.theta.parameters.items():
        assert not torch.equal(tensor, before.parameters[name]), name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ways": (1, 5)}, "ways must go from at least 2 upwards"),
        ({"ways": (6, 5)}, "ways must go from"),
        ({"head": DenseHead(ways=5)}, "ways must fit the head"),
        ({"inner_steps": 0}, "inner_steps must be at least 1; it is 0"),
        ({"head_shots": 11}, "head_shots must be between 1 and shots"),
        ({"algorithm": "maml"}, "algorithm must be one of reptile, fomaml; it is maml"),
        ({"tail_shots": 2}, "algorithm must be fomaml where there are tail_shots; it is reptile"),
        ({"tail_shots": 10, "algorithm": "fomaml"}, "tail_shots must be at least 0 and less than shots"),
        ({"tail_shots": 8, "algorithm": "fomaml"}, "head_shots must be between 1 and shots"),
        ({"tail_shots": 2, "algorithm": "fomaml", "inner_steps": 1}, "inner_steps must be at least 2"),
        ({"name": "Foo Bar"}, "name must be 1 to 64 of a-z"),
        ({"encoder": EfficientNetLite(until=15)}, "omniglot cannot be: .*EfficientNet-Lite takes colour images of 224"),
        ({"epsilon": 1.5}, "epsilon must be above 0 and at most 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
    ],
)
def test_a_configuration_that_cannot_be_run_names_the_field(change: dict[str, object], message: str) -> None:
    with pytest.raises(RunError, match=message):
        replace(OMNIGLOT, **change)  # type: ignore[arg-type]
