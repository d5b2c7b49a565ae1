"""Adaptation through the shipped checkpoint: independence of order and company, and frozen statistics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from models.checkpoint import SHIPPED, Checkpoint, load_checkpoint
from models.errors import SupportError
from models.heads.dense import DenseHead
from models.initializations.adapted import Adaptation
from models.learner import Learner
from models.tasks import Support

pytestmark = pytest.mark.usefixtures("with_and_without_numba")

TOLERANCE = 1e-3  # of a probability, after rounding has gone through all inner steps


@pytest.fixture(scope="module")
def learner() -> Learner:
    return Learner(load_checkpoint(SHIPPED / "omniglot.safetensors"), torch.device("cpu"))


@pytest.fixture(scope="module")
def images(learner: Learner, drawings: Path) -> Tensor:
    """Five classes of five drawings [5, 5, 1, 28, 28]."""
    folders = sorted((drawings / "support").iterdir())
    spec = learner.checkpoint.metadata.input
    return torch.stack(
        [torch.stack([spec.prepare(Image.open(file)) for file in sorted(folder.iterdir())]) for folder in folders]
    )


@pytest.fixture(scope="module")
def queries(learner: Learner, drawings: Path) -> Tensor:
    spec = learner.checkpoint.metadata.input
    files = sorted((drawings / "query").glob("*/*.png"))
    return learner.encode(torch.stack([spec.prepare(Image.open(file)) for file in files]))


def support(learner: Learner, images: Tensor, steps: int = 10) -> Support:
    ways, shots = images.shape[:2]
    labels = torch.arange(ways).repeat_interleave(shots)
    return Support(learner.encode(images.flatten(0, 1)), labels, ways, steps, 1e-3)


def mixed(one: Support) -> Support:
    """Labels that have nothing to do with the drawings, so that there is something to learn."""
    return replace(one, labels=torch.arange(len(one.labels)) % one.ways)


def answers(learner: Learner, adaptation: Adaptation, queries: Tensor) -> Tensor:
    return learner.predict([adaptation.adapted], [queries])[0].probabilities


def test_new_drawings_get_their_class(learner: Learner, images: Tensor, queries: Tensor) -> None:
    [adaptation] = learner.adapt([support(learner, images)])
    predicted = answers(learner, adaptation, queries).argmax(dim=1)
    expected = torch.arange(5).repeat_interleave(len(queries) // 5)
    assert (predicted == expected).float().mean() >= 0.9


def test_inner_steps_lower_the_loss_and_report_each(learner: Learner, images: Tensor) -> None:
    [adaptation] = learner.adapt([support(learner, images, steps=10)])
    assert len(adaptation.losses) == 11
    assert adaptation.losses[-1] < adaptation.losses[0]


def test_no_steps_leave_the_meta_initialization_as_it_is(learner: Learner, images: Tensor) -> None:
    [adaptation] = learner.adapt([support(learner, images, steps=0)])
    assert len(adaptation.losses) == 1
    for name, tensor in learner.checkpoint.initialization.parameters.items():
        assert torch.equal(adaptation.adapted.tensors[name], tensor)


def test_tasks_of_different_n_k_and_steps_are_answered_as_if_alone(
    learner: Learner, images: Tensor, queries: Tensor
) -> None:
    supports = [
        support(learner, images),
        support(learner, images[:2, :1], steps=3),
        support(learner, images[1:4, :4], steps=0),
        support(learner, images[:, :2], steps=7),
    ]
    together = learner.adapt(supports)
    predictions = learner.predict([each.adapted for each in together], [queries, queries[:1], queries[:4], queries])
    for one, batched, predicted in zip(supports, together, (said.probabilities for said in predictions), strict=True):
        [alone] = learner.adapt([one])
        assert len(batched.losses) == one.steps + 1
        torch.testing.assert_close(torch.tensor(batched.losses), torch.tensor(alone.losses), rtol=1e-3, atol=1e-4)
        expected = answers(learner, alone, queries)[: len(predicted)]
        torch.testing.assert_close(predicted, expected, rtol=0, atol=TOLERANCE)


def test_a_model_keeps_no_memory_of_those_adapted_beside_it(learner: Learner, images: Tensor) -> None:
    for made in learner.adapt([support(learner, images[:ways], steps=1) for ways in (5, 3, 2)]):
        for name, tensor in made.adapted.tensors.items():
            assert tensor.untyped_storage().nbytes() == tensor.nbytes, name


def test_order_of_images_and_labels_does_not_matter(learner: Learner, images: Tensor, queries: Tensor) -> None:
    plain = support(learner, images)
    generator = torch.Generator().manual_seed(0)
    order, names = torch.randperm(25, generator=generator), torch.randperm(5, generator=generator)
    shuffled = Support(plain.features[order], names[plain.labels[order]], 5, plain.steps, plain.learning_rate)
    [first], [second] = learner.adapt([plain]), learner.adapt([shuffled])
    torch.testing.assert_close(
        answers(learner, second, queries)[:, names], answers(learner, first, queries), rtol=0, atol=TOLERANCE
    )


def test_drawings_unlike_the_training_data_are_learned_without_harm(learner: Learner, images: Tensor) -> None:
    """White on black: gradients far above those that the second moment has seen."""
    inverted = support(learner, 255 - images, steps=5)
    [adaptation] = learner.adapt([inverted])
    assert adaptation.losses == sorted(adaptation.losses, reverse=True)


def test_each_task_steps_at_its_own_learning_rate(learner: Learner, images: Tensor) -> None:
    fast = mixed(support(learner, images))
    slow = replace(fast, learning_rate=1e-4)
    together = learner.adapt([slow, fast])
    for one, batched in zip((slow, fast), together, strict=True):
        [alone] = learner.adapt([one])
        torch.testing.assert_close(torch.tensor(batched.losses), torch.tensor(alone.losses), rtol=1e-3, atol=1e-4)
    assert together[1].losses[1] < together[0].losses[1]


def test_adaptation_goes_on_from_the_steps_that_the_second_moment_has_seen(learner: Learner, images: Tensor) -> None:
    """As if it were the first, Adam would divide each step by the 32 it has not yet averaged over."""
    one = mixed(support(learner, images, steps=1))
    checkpoint = learner.checkpoint
    forgetful = Checkpoint(checkpoint.metadata, replace(checkpoint.initialization, count=0), digest="")
    [kept] = learner.adapt([one])
    [lost] = Learner(forgetful, torch.device("cpu")).adapt([one])
    assert not torch.allclose(torch.tensor(kept.losses[1]), torch.tensor(lost.losses[1]), rtol=1e-3)


def test_copies_of_one_class_s_drawings_weigh_no_more_than_they(learner: Learner, images: Tensor) -> None:
    few = mixed(support(learner, images[:, :2], steps=3))
    again = torch.cat([torch.arange(10), (few.labels == 0).nonzero()[:, 0].repeat(3)])
    many = replace(few, features=few.features[again], labels=few.labels[again])
    ours, theirs = learner.adapt([few, many])
    assert theirs.losses == pytest.approx(ours.losses, rel=0.1, abs=5e-4)


def test_a_query_is_answered_alike_alone_and_among_others(learner: Learner, images: Tensor, queries: Tensor) -> None:
    [adaptation] = learner.adapt([support(learner, images)])
    together = answers(learner, adaptation, queries)
    alone = torch.cat([answers(learner, adaptation, query) for query in queries.split(1)])
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)


def test_transduction_is_a_choice_that_changes_answers(learner: Learner, images: Tensor, queries: Tensor) -> None:
    [adaptation] = learner.adapt([support(learner, images)])
    [together] = learner.predict([adaptation.adapted], [queries], transductive=True)
    [pair] = learner.predict([adaptation.adapted], [queries[:2]], transductive=True)
    assert not torch.allclose(together.probabilities[:2], pair.probabilities, atol=1e-5)


def test_one_class_is_refused(learner: Learner, images: Tensor) -> None:
    with pytest.raises(SupportError, match="at least 2 classes"):
        learner.adapt([support(learner, images[:1])])


def test_a_fixed_head_refuses_other_numbers_of_classes(learner: Learner, images: Tensor) -> None:
    metadata = learner.checkpoint.metadata.model_copy(update={"head": DenseHead(ways=5), "calibration": None})
    checkpoint = type(learner.checkpoint)(metadata, metadata.build().initialize(seed=0), digest="")
    fixed = Learner(checkpoint, torch.device("cpu"))
    assert fixed.adapt([support(fixed, images, steps=1)])[0].adapted.ways == 5
    with pytest.raises(SupportError, match="exactly 5 classes"):
        fixed.adapt([support(fixed, images[:3])])
