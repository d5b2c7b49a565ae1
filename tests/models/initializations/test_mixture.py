"""A mixture of initializations: told by the support set, chosen by a request, kept with the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.checkpoint import Checkpoint
from models.errors import SupportError
from models.initializations.mixture import Mixture, MixtureSpec, joined
from models.learner import Learner
from models.tasks import Support
from tests.models.initializations.mixtures import METADATA, build, examples

CPU = torch.device("cpu")
SUMMARIZE = METADATA.network.summarize


@pytest.fixture
def checkpoint(tmp_path: Path) -> Checkpoint:
    return build(tmp_path / "two.safetensors")


def support(color: int, shots: int = 1, **options: object) -> Support:
    """Three classes of one colour, each with a bar in a place of its own."""
    labels = torch.arange(3).repeat_interleave(shots)
    pictures = examples(color, 3 * shots)
    for picture, label in zip(pictures, labels, strict=True):
        picture[4 * label : 4 * label + 4] *= 0.2
    return Support(pictures, labels, 3, steps=0, learning_rate=1e-2, **options)  # type: ignore[arg-type]


def test_a_support_set_starts_at_the_initialization_of_pictures_like_its_own(checkpoint: Checkpoint) -> None:
    learner = Learner(checkpoint, CPU)
    red, green = learner.adapt([support(0), support(1)])
    assert red.initialization == {"imagenet": 0, "red": 1, "green": 0}
    assert green.initialization == {"imagenet": 0, "red": 0, "green": 1}


def test_a_task_is_the_same_alone_and_beside_others(checkpoint: Checkpoint) -> None:
    learner = Learner(checkpoint, CPU)
    sets = [support(0, 2), support(1), support(0)]
    together = learner.predict([each.adapted for each in learner.adapt(sets)], [examples(0, 5)] * 3)
    for each, one in zip(sets, together, strict=True):
        (alone,) = learner.predict([learner.adapt([each])[0].adapted], [examples(0, 5)])
        torch.testing.assert_close(alone.probabilities, one.probabilities)


def test_a_request_chooses_the_shares(checkpoint: Checkpoint) -> None:
    learner = Learner(checkpoint, CPU)
    (made,) = learner.adapt([support(0, initialization={"green": 0.25})])
    assert made.initialization == {"imagenet": 0.75, "red": 0, "green": 0.25}
    (first,) = learner.adapt([support(0, initialization={"imagenet": 1})])
    plain = Learner(Checkpoint(METADATA, checkpoint.initialization, ""), CPU)
    (same,) = plain.adapt([support(0)])
    assert first.losses == same.losses
    assert first.losses != made.losses


@pytest.mark.parametrize("shares", [{"blue": 1}, {"red": 0.7, "green": 0.7}, {"red": -0.1}])
def test_shares_that_cannot_be_are_refused_by_name(checkpoint: Checkpoint, shares: dict[str, float]) -> None:
    with pytest.raises(SupportError, match="initialization"):
        Learner(checkpoint, CPU).adapt([support(0, initialization=shares)])


def test_an_initialization_that_cross_validation_finds_worse_is_left_out(checkpoint: Checkpoint) -> None:
    assert checkpoint.mixture
    spoiled = {name: torch.full_like(change, -100) for name, change in checkpoint.mixture.changes.items()}
    bad = Mixture(checkpoint.mixture.names, spoiled, checkpoint.mixture.bank, checkpoint.mixture.owners)
    learner = Learner(Checkpoint(checkpoint.metadata, checkpoint.initialization, "", mixture=bad), CPU)
    few, several = learner.adapt([support(0), support(0, shots=4)])
    assert few.initialization["red"] == 1  # nothing to go by
    assert several.initialization["imagenet"] == 1


def test_where_cross_validation_finds_them_alike_rounding_does_not_choose(checkpoint: Checkpoint) -> None:
    assert checkpoint.mixture
    unchanged = {name: torch.zeros_like(change) for name, change in checkpoint.mixture.changes.items()}
    alike = Mixture(checkpoint.mixture.names, unchanged, checkpoint.mixture.bank, checkpoint.mixture.owners)
    (made,) = Learner(replace(checkpoint, mixture=alike), CPU).adapt([support(0, shots=4)])
    assert made.initialization["red"] == pytest.approx(0.5, abs=0.01)


def test_a_model_made_before_there_was_a_mixture_predicts_as_it_did(checkpoint: Checkpoint) -> None:
    before = Learner(Checkpoint(METADATA, checkpoint.initialization, ""), CPU)
    (old,) = before.adapt([support(0)])
    (new,) = Learner(checkpoint, CPU).adapt([support(1)])
    both = Learner(checkpoint, CPU).predict([old.adapted, new.adapted], [examples(0, 4)] * 2)
    (expected,) = before.predict([old.adapted], [examples(0, 4)])
    torch.testing.assert_close(both[0].probabilities, expected.probabilities)


def test_an_initialization_of_a_name_that_is_there_takes_its_place(checkpoint: Checkpoint) -> None:
    assert checkpoint.mixture
    change = {name: tensor[0] for name, tensor in checkpoint.mixture.changes.items()}
    again = joined(checkpoint.mixture, "red", change, SUMMARIZE(examples(2, 5)))
    assert again.names == ("green", "red")
    assert torch.bincount(again.owners).tolist() == [20, 5]
    spec = MixtureSpec(names=again.names, pictures=len(again.bank))
    for color, name in ((1, "green"), (2, "red")):
        shares = again.shares(SUMMARIZE(examples(color, 3)), torch.arange(3), spec.neighbours)
        assert again.names[int(shares.argmax())] == name


def test_a_class_of_many_examples_counts_as_much_as_any_other(checkpoint: Checkpoint) -> None:
    learner = Learner(checkpoint, CPU)
    pictures = torch.cat([examples(0, 18), examples(1, 2)])
    labels = torch.tensor([0] * 18 + [1] * 2)
    spec = checkpoint.metadata.mixture
    assert spec
    assert learner.mixture
    shares = learner.mixture.shares(SUMMARIZE(pictures), labels, spec.neighbours)
    assert shares.tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


def test_an_initialization_cannot_have_the_name_of_the_first() -> None:
    with pytest.raises(ValueError, match="of one name"):
        MixtureSpec(names=("imagenet",), pictures=1)
