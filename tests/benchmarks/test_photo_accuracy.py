"""The benchmark of photographs: the same episodes for all, and contenders that do what they are called."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.functional import normalize

from benchmarks.photo_accuracy.__main__ import main
from benchmarks.photo_accuracy.alternatives import Task, logistic_regression
from benchmarks.photo_accuracy.contenders import ALTERNATIVES, NO_STEPS, OURS, UNTRAINED, contenders
from benchmarks.photo_accuracy.episodes import Episodes, draw
from benchmarks.photo_accuracy.photos import Photos, photos_of
from benchmarks.photo_accuracy.results import Estimate, Result, mean
from meta_training.data.image_classes import decode
from meta_training.data.sources import File
from meta_training.errors import DataError
from meta_training.evaluation.accuracy import evaluate
from meta_training.evaluation.score import Setting
from meta_training.presets import PHOTO
from models.checkpoint import Checkpoint
from models.learner import Learner

CLASSES, PHOTOS = 4, 7  # of `files`


@pytest.fixture(scope="module")
def photos(files: list[File], learner: Learner) -> Photos:
    return photos_of("groceries", decode(files, PHOTO.input), learner)


@pytest.fixture(scope="module")
def episodes(photos: Photos) -> Episodes:
    """Of enough shots for the default steps to be taken."""
    assert PHOTO.inner.steps_for(shots=3) > 0
    return draw(photos, ways=3, shots=3, episodes=3, seed=0)


def test_photos_of_different_classes_and_numbers_make_an_episode(episodes: Episodes) -> None:
    for support, query in zip(episodes.support, episodes.query, strict=True):
        assert len({*support.tolist(), *query.tolist()}) == 3 * PHOTOS
        for labels, numbers in ((episodes.labels, support), (episodes.answers, query)):
            of_label = dict(zip(labels.tolist(), (numbers // PHOTOS).tolist(), strict=True))
            assert [of_label[label] for label in labels.tolist()] == (numbers // PHOTOS).tolist()


def test_an_episode_is_the_same_however_many_are_drawn_or_taken_at_once(photos: Photos) -> None:
    many, few = (draw(photos, ways=3, shots=2, episodes=count, seed=5) for count in (9, 2))
    assert torch.equal(many.support[:2], few.support)
    parts = list(many.parts())
    assert len(parts) > 1
    assert torch.equal(torch.cat([part.query for part in parts]), many.query)
    assert [part.first for part in parts] == [0, 8]


def test_where_classes_or_photos_are_few_an_episode_has_what_there_is(photos: Photos) -> None:
    drawn = draw(photos, ways=10, shots=5, episodes=1, seed=0)
    assert drawn.ways == CLASSES
    assert drawn.query.shape == (1, CLASSES * (PHOTOS - 5))
    with pytest.raises(DataError, match="need 8 images a class"):
        draw(photos, ways=3, shots=7, episodes=1, seed=0)


def test_all_contenders_tell_groceries_apart(learner: Learner, photos: Photos, episodes: Episodes) -> None:
    for name, contender in contenders(learner).items():
        right = contender(photos, episodes) == episodes.answers
        assert right.double().mean() > 0.8, name


@pytest.mark.parametrize("shots", [1, 3])  # by default steps are taken at 3
def test_ours_scores_as_evaluation_does(learner: Learner, photos: Photos, files: list[File], shots: int) -> None:
    steps, rate = PHOTO.inner.steps_for(shots), PHOTO.inner.learning_rate
    setting = Setting(ways=3, shots=shots, queries=PHOTOS - shots, steps=steps, learning_rate=rate)
    theirs = evaluate(learner, decode(files, PHOTO.input), setting, episodes=2)
    drawn = draw(photos, ways=3, shots=shots, episodes=2, seed=0)
    right = contenders(learner)[OURS](photos, drawn) == drawn.answers
    assert float(right.double().mean()) == pytest.approx(theirs.accuracy)


def test_not_meta_trained_is_as_it_was_whatever_theta_became(
    learner: Learner, photos: Photos, episodes: Episodes
) -> None:
    lost = {name: torch.zeros_like(tensor) for name, tensor in learner.initialization.parameters.items()}
    elsewhere = replace(
        learner.checkpoint,
        metadata=learner.checkpoint.metadata.model_copy(update={"count": 1}),
        initialization=replace(learner.initialization, parameters=lost, count=1),
    )
    ours, became = (contenders(one) for one in (learner, Learner(elsewhere, learner.device)))
    assert torch.equal(became[UNTRAINED](photos, episodes), ours[OURS](photos, episodes))
    assert not torch.equal(became[OURS](photos, episodes), ours[OURS](photos, episodes))


def test_before_meta_training_there_is_nothing_to_compare_it_with(learner: Learner) -> None:
    assert UNTRAINED not in contenders(learner)


def test_logistic_regression_in_the_span_is_scikit_learns(photos: Photos, episodes: Episodes) -> None:
    """At one shot, where C is 1."""
    support, query = photos.pooled[episodes.support[:1, ::3]], photos.pooled[episodes.query[:1]]
    found = logistic_regression(Task(support, query, ways=3, seed=0))
    plain = LogisticRegression(C=1.0, max_iter=1000).fit(normalize(support[0], dim=1).numpy(), np.arange(3))
    assert found[0].tolist() == plain.predict(normalize(query[0], dim=1).numpy()).tolist()


def test_differences_are_paired_and_to_the_alternative_that_was_best() -> None:
    ours, others = np.array([0.5, 0.9]), dict.fromkeys(ALTERNATIVES, np.array([0.1, 0.2]))
    accuracies = {OURS: ours, NO_STEPS: ours, **others, "Teachable Machine": np.array([0.4, 0.8])}
    result = Result("groceries", 3, 2, accuracies)
    assert result.best_alternative == "Teachable Machine"
    assert result.difference(OURS, result.best_alternative).signed == "+10.00 ± 0.00"
    assert str(result.score(OURS)) == "70.00 ± 39.20"


def test_the_mean_over_sets_has_the_interval_of_independent_estimates() -> None:
    assert mean([Estimate(0.5, 0.03), Estimate(0.7, 0.04)]) == Estimate(pytest.approx(0.6), pytest.approx(0.025))


def test_a_run_reports_every_contender_and_episode(
    checkpoint_file: Path, checkpoint: Checkpoint, files: list[File], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for label, name, content in files:
        (tmp_path / "photos" / label).mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / label / Path(name).name).write_bytes(content)
    out = tmp_path / "results.json"
    main(data=[tmp_path / "photos"], checkpoint=checkpoint_file, setting=["3x2"], episodes=2, out=out)
    (result,) = json.loads(out.read_text())["results"]
    assert list(result["contenders"]) == [OURS, NO_STEPS, *ALTERNATIVES]
    assert all(len(found["episodes"]) == 2 for found in result["contenders"].values())
    said = capsys.readouterr().out
    assert "| **mean of 1 sets**, % | 3-way 2-shot |" in said
    assert checkpoint.digest[:19] in said
