"""Scores, and the paper's protocol beside the service's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from meta_training.data.image_classes import ImageClasses, read_classes
from meta_training.data.splits import Split
from meta_training.errors import DataError
from meta_training.evaluation.accuracy import batches, evaluate, standard_settings
from meta_training.evaluation.paper_protocol import evaluate_as_the_paper
from meta_training.evaluation.score import BatchNorm, Setting, score
from meta_training.launch import describe
from meta_training.presets import OMNIGLOT
from meta_training.run_folder import RunFolder
from meta_training.training import Training
from models.checkpoint import SHIPPED, load_checkpoint
from models.heads.dense import DenseHead
from models.heads.prototype import PrototypeHead
from models.inputs.image import ImageInput
from models.learner import Learner
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.conv4.network import Conv4

SETTING = Setting(ways=3, shots=4, queries=2, steps=3, learning_rate=1e-3)


@pytest.fixture(scope="module")
def learner() -> Learner:
    return Learner(load_checkpoint(SHIPPED / "omniglot.safetensors"), torch.device("cpu"))


@pytest.fixture(scope="module")
def classes(drawings: Path, learner: Learner) -> ImageClasses:
    """Three classes of eight drawings."""
    return read_classes([drawings / "more"], learner.checkpoint.metadata.input)


def test_a_score_is_the_mean_with_its_95_percent_interval() -> None:
    result = score(SETTING, [0.5, 1.0, 1.0, 0.5])
    assert result.accuracy == 0.75
    assert result.interval == pytest.approx(1.96 * 0.2886751 / 2)
    assert str(result) == "75.00 ± 28.29 %"


def test_an_episode_is_the_same_whatever_number_is_drawn(learner: Learner, classes: ImageClasses) -> None:
    few, many = (evaluate(learner, classes, SETTING, episodes) for episodes in (9, 10))
    assert -1e-9 <= many.accuracy * 10 - few.accuracy * 9 <= 1 + 1e-9


def test_with_full_batches_frozen_batch_norm_gives_the_services_scores(learner: Learner, classes: ImageClasses) -> None:
    paper = evaluate_as_the_paper(learner, classes, SETTING, batch=12, episodes=6)
    assert paper[BatchNorm.FROZEN].accuracy == evaluate(learner, classes, SETTING, episodes=6).accuracy


def test_the_three_ways_of_batch_norm_answer_by_different_statistics(
    learner: Learner, classes: ImageClasses, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forward sizes: 12 to build the head from; (a) these and a query, (b) 6 queries, (c) the 12, then 6 by theirs."""
    sizes: list[tuple[int, bool]] = []
    network = type(learner.architecture.network)
    call = network.__call__

    def spied(self: object, parameters: object, x: torch.Tensor, *arguments: object, **named: object) -> object:
        sizes.append((x.shape[1], "frozen" in named))
        return call(self, parameters, x, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(network, "__call__", spied)
    scores = evaluate_as_the_paper(learner, classes, SETTING, batch=4, episodes=2)
    assert sizes == [(12, False), *[(13, False)] * 6, (6, False), (12, False), (6, True)]
    assert all(result.accuracy > 0.5 for result in scores.values())


def test_too_few_classes_for_the_setting_are_said(learner: Learner, classes: ImageClasses) -> None:
    wide = Setting(ways=4, shots=1, steps=1, learning_rate=1e-3)
    with pytest.raises(DataError, match="need 4 classes; there are 3"):
        evaluate(learner, classes, wide, episodes=2)


@pytest.mark.parametrize(
    ("images", "ways", "message"),
    [
        ((8, 1), None, "need 2 images a class; 'b' has 1"),
        ((8,), None, "need 2 classes; there are 1"),
        ((8, 8), 5, "5-way episodes need 5 classes; there are 2"),
    ],
)
def test_classes_that_allow_no_setting_are_refused(images: tuple[int, ...], ways: int | None, message: str) -> None:
    blank = tuple(np.zeros((count, 1, 28, 28), np.uint8) for count in images)
    metadata = CheckpointMetadata(
        name="any",
        created_at="",
        input=ImageInput(channels=1, size=28),
        network=Conv4(channels=1, size=28),
        head=DenseHead(ways=ways) if ways else PrototypeHead(),
        inner=InnerSpec(steps=1, learning_rate=0.1),
    )
    with pytest.raises(DataError, match=message):
        standard_settings(metadata, ImageClasses(tuple("ab"[: len(images)]), blank))


@pytest.mark.parametrize(("ways", "shots", "at_once"), [(5, 5, 8), (50, 10, 4), (100, 30, 1)])
def test_large_episodes_share_a_call_with_fewer_others(ways: int, shots: int, at_once: int) -> None:
    setting = Setting(ways=ways, shots=shots, steps=1, learning_rate=0.1)
    calls = list(batches(setting, episodes=10))
    assert max(map(len, calls)) == at_once
    assert [number for call in calls for number in call] == list(range(10))


def test_a_run_that_could_not_be_validated_does_not_start(classes: ImageClasses, tmp_path: Path) -> None:
    lonely = ImageClasses(classes.names, tuple(pictures[:1] for pictures in classes.images))
    config = OMNIGLOT.fitted(classes)
    split = Split("drawings", 0, classes, lonely, classes)
    with pytest.raises(DataError, match="need 2 images a class"):
        Training(config, describe(config, split), split, RunFolder(tmp_path), torch.device("cpu"))
