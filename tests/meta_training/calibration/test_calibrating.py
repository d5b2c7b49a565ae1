"""`kshot checkpoint calibrate`: what a checkpoint says comes to mean what it says."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from meta_training.calibration.calibrating import calibrate, fitted
from meta_training.calibration.episodes import LEAST_QUERIES, SINGLES, draw, fitting, plan
from meta_training.calibration.fit import REFUSED
from meta_training.calibration.observations import observe
from meta_training.calibration.varied import varied
from meta_training.checkpoints.command import app
from meta_training.data.bursts import FRAMES, frames
from meta_training.data.image_classes import ImageClasses
from meta_training.errors import DataError
from models.checkpoint import SHIPPED, Checkpoint, load_checkpoint, save_checkpoint
from models.estimates.calibration import Calibration
from models.heads.dense import DenseHead

OMNIGLOT = SHIPPED / "omniglot.safetensors"


def blobs(seed: int, classes: int = 6, images: int = 12, noise: float = 60) -> ImageClasses:
    """Grey pictures of 28×28 pixels: a coarse pattern for each class, with noise."""
    rng = np.random.default_rng(seed)
    patterns = rng.integers(0, 256, (classes, 1, 4, 4)).repeat(7, axis=2).repeat(7, axis=3)
    pictures = patterns[:, None] + rng.normal(0, noise, (classes, images, 1, 28, 28))
    return ImageClasses(tuple(map(str, range(classes))), tuple(pictures.clip(0, 255).astype(np.uint8)))


SETS = {"blobs": blobs(0), "others": blobs(1, noise=90)}


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint(OMNIGLOT)


@pytest.fixture(scope="module")
def calibration(checkpoint: Checkpoint) -> Calibration:
    return fitted(checkpoint, SETS, episodes=40, seed=0, near_copy=None)


def test_the_share_refused_is_what_was_asked_for(checkpoint: Checkpoint, calibration: Calibration) -> None:
    found = list(observe(checkpoint, calibration, plan(SETS, [(5,) * 5, (2,) * 5], 6, seed=1)))
    assert calibration.known is not None
    refused = [float((each.familiarity < calibration.known.least(each.level)).float().mean()) for each in found]
    assert abs(float(np.mean(refused)) - REFUSED) < 0.06


def test_expected_accuracy_comes_true_and_lies_in_its_range(checkpoint: Checkpoint, calibration: Calibration) -> None:
    found = list(observe(checkpoint, calibration, plan(SETS, [(5,) * 5, (3,) * 5, (8, 2, 2, 2, 2)], 6, seed=1)))
    spec, errors, held = calibration.accuracy, [], []
    for each in found:
        assert each.signs is not None
        (expected,) = spec.expect([each.signs])
        errors.append(expected.accuracy - float(each.accuracies.mean()))
        held.append(abs(errors[-1]) < 0.05 + 1.645 * expected.deviation)
    assert abs(float(np.mean(errors))) < 0.05
    assert np.mean(held) > 0.8


def test_scores_are_as_often_right_as_they_say(checkpoint: Checkpoint, calibration: Calibration) -> None:
    found = list(observe(checkpoint, calibration, plan(SETS, [(1,) * 5, (5,) * 5], 6, seed=1)))
    best = [each.logits.exp().max(dim=1) for each in found]
    sure = float(np.mean([float(each.values.mean()) for each in best]))
    right = float(np.mean([float(each.accuracies.mean()) for each in found]))
    assert abs(sure - right) < 0.06


def test_episodes_are_of_different_images_of_as_many_classes_as_asked() -> None:
    episode = draw(np.random.default_rng(0), SETS["blobs"], (5, 2, 1), queries=4)
    assert np.bincount(episode.labels).tolist() == [5, 2, 1]
    assert np.bincount(episode.answers).tolist() == [4, 4, 4]
    every = np.concatenate([episode.images, episode.queries]).reshape(20, -1)
    assert len(np.unique(every, axis=0)) == 20


def test_settings_that_a_set_is_too_small_for_are_left_out() -> None:
    assert [*fitting(SETS["blobs"], [(5,) * 6, (8, 1), (9, 1), (1,) * 7])] == [(5,) * 6, (8, 1)]


def test_data_that_are_too_few_are_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(DataError, match="two classes of five images"):
        fitted(checkpoint, {"few": blobs(0, classes=2, images=4)}, episodes=1, seed=0, near_copy=None)


def test_the_command_writes_the_file_and_its_card_and_the_file_goes_on_serving_its_models(tmp_path: Path) -> None:
    path = tmp_path / "omniglot.safetensors"
    for suffix in (".safetensors", ".json"):
        shutil.copy(OMNIGLOT.with_suffix(suffix), tmp_path)
    before = load_checkpoint(path)
    for name, pictures in zip(SETS["blobs"].names, SETS["blobs"].images, strict=True):
        (tmp_path / "blobs" / name).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture[0]).save(tmp_path / "blobs" / name / f"{number}.png")
    ran = CliRunner().invoke(app, ["calibrate", str(path), "--data", str(tmp_path / "blobs"), "--episodes", "12"])
    assert ran.exit_code == 0, ran.output
    after = load_checkpoint(path)
    assert after.digest != before.digest
    assert after.serves(before.digest)
    assert after.metadata.calibration != before.metadata.calibration
    assert after.digest in path.with_suffix(".json").read_text()
    assert CliRunner().invoke(app, ["calibrate", str(path)]).exit_code != 0


def test_episodes_are_of_all_sizes_that_people_send() -> None:
    assert all(max(shots) == 1 for shots in SINGLES)
    drawn = [each() for _, each in varied(SETS, 60, seed=0, bursts=True)]
    shots = [episode.shots for episode in drawn]
    assert {len(each) for each in shots} == {2, 3, 4, 5, 6}
    assert {min(each) for each in shots} >= {1, 2, 3, 8}
    assert max(max(each) for each in shots) == 12 - LEAST_QUERIES
    assert any(max(each) >= 4 * min(each) for each in shots)
    assert all(np.bincount(episode.answers).min() >= LEAST_QUERIES for episode in drawn)


def test_a_burst_has_frames_of_one_of_each_classs_images_which_are_not_asked_about() -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (8, 3, 24, 24), dtype=np.uint8) for _ in range(3)]
    bursts = [np.stack([frames(picture, rng) for picture in each[:2]]) for each in pictures]
    classes = ImageClasses(("a", "b", "c"), tuple(pictures), tuple(bursts))
    episode = draw(rng, classes, (2, 2, 2), queries=4, burst=True)
    assert episode.shots == (2 + FRAMES,) * 3
    for place, label in enumerate(episode.classes):
        first, *_, last = episode.images[episode.labels == place].numpy()
        number = next(number for number, picture in enumerate(pictures[label][:2]) if (picture == first).all())
        assert (last == bursts[label][number][-1]).all()
        asked = episode.queries[episode.answers == place].numpy()
        assert not any((picture == first).all() for picture in asked)
        assert np.abs(last.astype(float) - first).mean() > 1


def test_bursts_are_drawn_where_they_are_asked_for() -> None:
    pictures = tuple(np.zeros((8, 1), np.uint8) for _ in range(3))
    classes = ImageClasses(("a", "b", "c"), pictures, tuple(np.ones((2, FRAMES, 1), np.uint8) for _ in range(3)))
    for bursts in (True, False):
        drawn = [each() for _, each in varied({"a": classes}, 40, seed=0, bursts=bursts)]
        assert any(episode.shots != episode.different for episode in drawn) == bursts
        assert all(int(episode.images.sum()) == sum(episode.shots) - sum(episode.different) for episode in drawn)


def test_frames_look_like_their_picture_and_differ_from_it_and_one_another() -> None:
    ramp = np.tile(np.linspace(0, 200, 64, dtype=np.uint8), (3, 64, 1))
    seen = frames(ramp, np.random.default_rng(0)).astype(float)
    assert seen.shape == (FRAMES, 3, 64, 64)
    assert all(np.corrcoef(frame.ravel(), ramp.ravel())[0, 1] > 0.98 for frame in seen)
    assert np.abs(seen[0] - seen[1]).mean() > 2


def test_a_head_of_a_fixed_number_of_classes_is_refused_and_the_file_stays(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    path = tmp_path / "fixed.safetensors"
    metadata = checkpoint.metadata.model_copy(update={"head": DenseHead(ways=5), "calibration": None})
    save_checkpoint(path, metadata, metadata.build().initialize(seed=0))
    before = path.read_bytes()
    with pytest.raises(DataError, match="head of 5 classes"):
        calibrate(path, [tmp_path], [], episodes=1, seed=0)
    assert path.read_bytes() == before
