"""Answers are held against what is true, on the same episodes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.answers import balance, held_out, mixes, strangers
from benchmarks.answers.observed import Observer
from benchmarks.journal import Journal
from meta_training.calibration.calibrating import fitted
from meta_training.calibration.episodes import draw
from meta_training.calibration.observations import PLAIN
from models.checkpoint import SHIPPED, load_checkpoint
from models.estimates.calibration import Calibration
from models.learner import Learner
from tests.meta_training.calibration.test_calibrating import SETS

CHECKPOINT = load_checkpoint(SHIPPED / "omniglot.safetensors")


@pytest.fixture(scope="module")
def learner() -> Learner:
    return Learner(CHECKPOINT, torch.device("cpu"))


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return fitted(CHECKPOINT, SETS, episodes=20, seed=0, near_copy=None)


def test_an_even_support_set_has_the_classes_and_queries_of_the_uneven_one() -> None:
    uneven = draw(np.random.default_rng(0), SETS["blobs"], (4, 2, 3), queries=3)
    even = balance.thinned(uneven)
    assert torch.bincount(even.labels).tolist() == [2, 2, 2]
    assert even.queries is uneven.queries
    kept = {image.tobytes() for image in even.images.numpy()}
    assert kept < {image.tobytes() for image in uneven.images.numpy()}


def test_the_table_of_balance_has_a_row_for_each_setting_that_fits(learner: Learner) -> None:
    lines = list(balance.report(list(balance.compare(learner, {"blobs": SETS["blobs"]}, 2, 0, Journal(None, {})))))
    assert [line.split("|")[1].strip() for line in lines[1:]] == [
        "4 : 1 × 4",
        "8 : 1 × 4",
        "8 : 2 × 4",
        "8 : 5 : 3 : 2 : 1",
    ]


def test_a_set_is_held_against_a_calibration_of_the_others(calibration: Calibration) -> None:
    plain = PLAIN.model_copy(update={"known": calibration.known})
    seen = list(Observer(CHECKPOINT, plain, episodes=20, seed=1)(SETS))
    found, five = ([one for each in seen for one in each[part]] for part in (0, 1))
    rows, told = zip(*held_out.held_out(found, five, plain, calibration), strict=True)
    assert [row.data for row in rows] == list(SETS)
    for row in rows:
        assert 0 <= row.score_error < 0.5
        assert 0 < row.width < 1
        assert 0 <= row.refused <= 1
    ((alone, _),) = held_out.held_out([each for each in found if each.data == "blobs"], five, plain, calibration)
    assert alone.width != rows[0].width
    assert all(row.covered > 0.6 and row.labels >= 1 for row in rows)
    assert len(list(held_out.report(rows))) == 1 + len(rows) + 1
    lines = list(held_out.by_images([each for some in told for each in some]))[1:]
    assert sum(int(line.split("|")[2]) for line in lines) == sum(map(len, told))
    assert held_out.untold(found) == 0


def test_a_run_that_is_started_again_goes_on_after_the_sets_that_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calibration: Calibration
) -> None:
    plain, one = PLAIN.model_copy(update={"known": calibration.known}), {"blobs": SETS["blobs"]}
    (first,) = Observer(CHECKPOINT, plain, 2, seed=1, folder=tmp_path)(one)
    monkeypatch.setattr(Observer, "_observe", lambda *_: pytest.fail("it was found before"))
    (again,) = Observer(CHECKPOINT, plain, 2, seed=1, folder=tmp_path)(one)
    assert [each.shots for each in again.varied] == [each.shots for each in first.varied]
    assert all((a.logits == b.logits).all() for a, b in zip(first.five, again.five, strict=True))
    with pytest.raises(pytest.fail.Exception):
        list(Observer(CHECKPOINT, plain, 2, seed=2, folder=tmp_path)(one))


def told_of(error: float, noise: float) -> held_out.Told:
    return held_out.Told(images=2, burst=False, error=error, reach=0.1, noise=noise)


def test_what_few_queries_do_is_not_taken_for_an_error() -> None:
    told = [told_of(error, noise=0.1) for error in (0.1, -0.1, 0.1)]
    assert held_out.mean_error(told) == 0
    assert held_out.mean_error([told_of(0.1, noise=0.0)]) == pytest.approx(0.1 * held_out.MEAN_OF_NORMAL)
    assert held_out.held(told) == 1
    assert held_out.held([*told, told_of(0.3, noise=0.1)]) == 0.75


def test_the_area_is_how_often_a_known_image_is_more_familiar() -> None:
    known, strange = np.array([0.9, 0.5], np.float32), np.array([0.5, 0.1, 0.7], np.float32)
    assert strangers.area(known, strange) == pytest.approx((3 + 1.5) / 6)


def test_strangers_are_of_other_classes_and_other_sets(learner: Learner) -> None:
    areas = strangers.areas(learner, SETS, episodes=2, seed=0)
    assert areas.keys() == SETS.keys()
    assert all(0.4 < value <= 1 for kinds in areas.values() for values in kinds.values() for value in values)


def test_mixed_queries_are_of_all_that_there_are_in_shares_of_their_own(learner: Learner) -> None:
    episode = draw(np.random.default_rng(0), SETS["blobs"], (1,) * 5, mixes.QUERIES)
    mixed = mixes.mixed(np.random.default_rng(0), episode)
    kept, there = (torch.bincount(each.answers, minlength=5) for each in (mixed, episode))
    assert (kept <= there).all()
    assert len(set(kept.tolist())) > 1
    lines = list(mixes.report(list(mixes.compare(learner, {"blobs": SETS["blobs"]}, episodes=2, seed=0))))
    assert len(lines) == 1 + 2 * len(mixes.SETTINGS)
