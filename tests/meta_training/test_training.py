"""Training within one process: a meta step against Reptile task by task, its tasks, and a run's stops and saves."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor

from meta_training.config import TrainConfig
from meta_training.data.image_classes import ImageClasses, read_classes
from meta_training.data.meta_batches import TrainingTask, draw_task
from meta_training.data.splits import Split
from meta_training.errors import DataError, RunError
from meta_training.evaluation.accuracy import evaluate, standard_settings
from meta_training.launch import describe, shrinkage, stops
from meta_training.presets import OMNIGLOT
from meta_training.ranks import Ranks
from meta_training.reptile import ALGORITHMS, TaskDistribution, reptile
from meta_training.run_folder import RunFolder
from meta_training.training import Schedule, Training
from models.architecture import MetaInitialization
from models.heads.linear import HEAD
from models.inner_loop import inner_loop
from models.parameters import Parameters
from models.tasks import TaskBatch, collate

CONFIG = replace(
    OMNIGLOT, ways=(2, 5), shots=4, head_shots=2, inner_batch=6, inner_steps=2, meta_batch=3, meta_steps=4, epsilon=0.8
)


@pytest.fixture(scope="module")
def split(drawings: Path) -> Split:
    """Five classes of drawings to train on; two of blank paper, which nobody can tell apart, to validate with."""
    classes = read_classes([drawings / "support"], CONFIG.input).with_rotations()
    blank = tuple(np.full((6, 1, 28, 28), 255, dtype=np.uint8) for _ in range(2))
    return Split("drawings", 0, classes, ImageClasses(("blank", "empty"), blank), classes)


def training(config: TrainConfig, split: Split, folder: Path) -> Training:
    schedule = Schedule(log=1, episodes=4)
    return Training(config, describe(config, split), split, RunFolder(folder), torch.device("cpu"), schedule)


def alone(run: Training, theta: MetaInitialization, task: TrainingTask) -> tuple[Parameters, Parameters]:
    """φ and v of one task, adapted to by itself."""
    batch = collate([task.support])
    phi, moments = run.architecture.start(theta, batch)
    batches = [
        (TaskBatch(images[None], labels[None], batch.ways), torch.tensor([run.config.learning_rate]))
        for images, labels in zip(task.images, task.labels, strict=True)
    ]
    inner_loop(
        run.architecture.gradient(torch.device("cpu")), phi, moments, batches, run.architecture.optimizer, theta.count
    )
    return phi, moments


def test_a_meta_step_is_reptiles_over_tasks_of_any_number_of_classes(split: Split, tmp_path: Path) -> None:
    run, step = training(CONFIG, split, tmp_path), 2
    moments = {name: torch.full_like(tensor, 1e-2) for name, tensor in run.theta.moments.items()}
    theta = run.theta = MetaInitialization(run.theta.parameters, moments, count=8)
    run.progress.step = step
    run.meta_step()

    tasks = [draw_task(CONFIG, split.training, step, index) for index in range(3)]
    assert len({task.support.ways for task in tasks}) > 1
    phis, vs = zip(*(alone(run, theta, task) for task in tasks), strict=True)
    for name, start in theta.parameters.items():
        mean = torch.cat([phi[name] for phi in phis]).mean(dim=0)
        moved = run.theta.parameters[name] - start
        torch.testing.assert_close(moved, 0.4 * (mean - start), rtol=1e-3, atol=1e-7)  # 0.8 · (1 − 2/4)
    for name, after in run.theta.moments.items():
        rows = [v[name][0] if name in HEAD else v[name] for v in vs]  # a head's classes count one by one
        expected = torch.cat(rows).mean(dim=0)
        torch.testing.assert_close(after, expected.view(after.shape), rtol=1e-4, atol=1e-7)
    assert run.theta.count == 8 + 2


def test_each_task_of_a_step_is_another(split: Split) -> None:
    first, second = (draw_task(replace(CONFIG, ways=(3, 3)), split.training, 0, index) for index in (0, 1))
    assert not torch.equal(first.images, second.images)


def test_a_head_is_built_from_one_to_head_shots_images_a_class(split: Split) -> None:
    tasks = [draw_task(CONFIG, split.training, step, 0).support for step in range(12)]
    assert {len(task.labels) // task.ways for task in tasks} == {1, 2}


def test_validation_is_on_the_validation_classes(split: Split, tmp_path: Path) -> None:
    run = training(replace(CONFIG, meta_steps=1), split, tmp_path)
    run.run()
    (setting, *_) = standard_settings(run.metadata, split.validation)
    found = run.progress.validation[-1]["scores"][0]["accuracy"]
    assert found == evaluate(run.learner(), split.validation, setting, episodes=4).accuracy
    assert found < evaluate(run.learner(), split.training, setting, episodes=4).accuracy


def test_classes_that_cannot_validate_are_said_before_the_first_step(split: Split, tmp_path: Path) -> None:
    single = ImageClasses(split.validation.names, tuple(images[:1] for images in split.validation.images))
    with pytest.raises(DataError, match="need 2 images a class"):
        training(CONFIG, replace(split, validation=single), tmp_path)


def test_a_run_is_not_resumed_on_other_classes(split: Split, tmp_path: Path) -> None:
    training(replace(CONFIG, meta_steps=1), split, tmp_path).run()
    swapped = replace(split, validation=split.test, test=split.validation)
    with pytest.raises(RunError, match="other classes"):
        training(replace(CONFIG, meta_steps=1), swapped, tmp_path).resume()


def test_fomaml_is_reptile_where_a_task_has_one_step_and_not_where_it_has_more(split: Split, tmp_path: Path) -> None:
    for steps in (1, 2):
        config = replace(CONFIG, inner_steps=steps)
        runs = [training(replace(config, algorithm=name), split, tmp_path) for name in ("reptile", "fomaml")]
        for run in runs:
            run.meta_step()
        after = [run.theta.parameters["conv4.weight"] for run in runs]
        assert torch.equal(*after) == (steps == 1)
        torch.testing.assert_close(*(run.theta.moments for run in runs))


def test_a_meta_algorithm_is_a_function_and_a_line_in_the_table(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_reptile(
        theta: MetaInitialization, distribution: TaskDistribution[TaskBatch], step: int, epsilon: float, ranks: Ranks
    ) -> tuple[MetaInitialization, Tensor]:
        return reptile(theta, distribution, step, epsilon / 2, ranks)

    monkeypatch.setitem(ALGORITHMS, "half-reptile", half_reptile)
    whole, half = (training(replace(CONFIG, algorithm=name), split, tmp_path) for name in ("reptile", "half-reptile"))
    start = whole.theta.parameters
    for run in (whole, half):
        run.meta_step()
    for name, theta in start.items():
        moved, less = (run.theta.parameters[name] - theta for run in (whole, half))
        torch.testing.assert_close(2 * less, moved, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("tail", [1, 2])
def test_the_last_batch_of_fomaml_is_of_images_that_nothing_else_of_the_task_sees(tail: int) -> None:
    numbers = np.arange(60, dtype=np.uint8).reshape(6, 10, 1, 1, 1)
    numbered = ImageClasses(tuple("abcdef"), tuple(np.broadcast_to(numbers, (6, 10, 1, 28, 28))))
    config = replace(CONFIG, shots=5, inner_batch=8, inner_steps=4, algorithm="fomaml", tail_shots=tail)
    for index in range(20):
        task = draw_task(config, numbered, 0, index)
        seen, last = {*task.images[:-1].unique().tolist()}, {*task.images[-1].unique().tolist()}
        ways = task.support.ways
        assert len(last) == min(8, ways * tail)
        assert len(seen) == min(24, ways * (5 - tail))
        assert not last & (seen | {*task.support.features.unique().tolist()})
        assert task.images.shape == (4, 8, 28, 28, 1)


def test_a_field_that_an_older_run_did_not_know_counts_as_its_default(split: Split, tmp_path: Path) -> None:
    config = replace(CONFIG, meta_steps=1)
    training(config, split, tmp_path).run()
    state = tmp_path / "state.json"
    document = json.loads(state.read_text())
    del document["config"]["network"]["pool"], document["config"]["algorithm"]
    state.write_text(json.dumps(document))
    resumed = training(config, split, tmp_path)
    resumed.resume()
    assert resumed.done
    with pytest.raises(RunError, match="has algorithm = reptile, not fomaml"):
        training(replace(config, algorithm="fomaml"), split, tmp_path).resume()


def test_events_keep_each_step_once_over_a_resumption(
    split: Split, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = training(CONFIG, split, tmp_path)
    step = first.meta_step
    monkeypatch.setattr(first, "meta_step", lambda: (first.progress.step == 1 and first.stop()) or step())
    first.run()
    second = training(CONFIG, split, tmp_path)
    second.resume()
    second.run()
    events = EventAccumulator(str(tmp_path / "events"))
    events.Reload()
    # Of files begun within one second, which is read first is by chance.
    assert sorted(event.step for event in events.Scalars("loss/last inner step")) == [1, 2, 3, 4]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"config": 3, "classes": "", "checkpoint": ""}'])
def test_a_damaged_state_is_said(text: str, split: Split, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text(text)
    with pytest.raises(RunError, match="damaged"):
        training(CONFIG, split, tmp_path).resume()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_stops_after_the_step_and_a_second_at_once(
    number: signal.Signals, split: Split, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    at_once: list[int] = []
    before = signal.signal(number, lambda *_: at_once.append(1))
    try:
        run = training(CONFIG, split, tmp_path)
        with stops(run):
            signal.raise_signal(number)
            assert run.asked_to_stop
            assert not at_once
            assert "Again to end at once" in capfd.readouterr().err
            signal.raise_signal(number)
        assert at_once
    finally:
        signal.signal(number, before)


def test_what_the_training_classes_cut_down_is_said(split: Split) -> None:
    few = ImageClasses(("a", "x"), (split.training.images[0], split.training.images[0][:1]))
    assert list(shrinkage(CONFIG, CONFIG.fitted(few), few)) == [
        "2-5 → 2-2 ways: there are 2 training classes.",
        "4 → 1 shots: 'x' has 1 image.",
    ]
    assert not list(shrinkage(CONFIG, CONFIG, split.training))
