"""How familiar examples look, and which are taken for one of a model's classes."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.estimates.calibration import Calibration
from models.estimates.familiarity import LEVEL, MEANS, START_MEANS, Classes, KnownSpec, familiarity
from models.estimates.known import kept, looks
from models.parameters import Parameters
from models.tasks import FeatureSet

SPEC = KnownSpec(strictness=1.4, offset=0.4, slope=0.6, spread=0.08)
CALIBRATION = Calibration(temperature=1, known=SPEC, familiar=0.55)


def classes(shots: list[int], noise: float, seed: int = 0, queries: int = 60) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features [S, 64] of classes so wide, with so many examples, their labels, new examples, and strangers."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.rand(len(shots) + 5, 64, generator=generator)
    labels = torch.arange(len(shots)).repeat_interleave(torch.tensor(shots))
    new = torch.arange(len(shots)).repeat_interleave(queries)
    strange = torch.arange(len(shots), len(shots) + 5).repeat_interleave(queries)
    seen, asked, others = (
        (centres[of] + noise * torch.randn(len(of), 64, generator=generator)).clamp_min(0)
        for of in (labels, new, strange)
    )
    return seen, labels, asked, others


def keep(features: Tensor, labels: Tensor, ways: int, groups: Tensor | None = None, name: str = MEANS) -> Parameters:
    """What is kept with a model of these examples."""
    seen = FeatureSet(features, labels, ways, torch.arange(len(labels)) if groups is None else groups)
    (model,) = kept(CALIBRATION, [seen], [name])
    return model


def refused(shots: list[int], noise: float) -> tuple[float, float]:
    """The share of new examples of the classes, and of others, that models refuse, over 30 of them."""
    found = []
    for seed in range(30):
        seen, labels, asked, others = classes(shots, noise, seed)
        model = keep(seen, labels, len(shots))
        told = [looks(CALIBRATION, model, images, None).known for images in (asked, others)]
        found.append([1 - float(known.float().mean()) for known in told if known is not None])
    own, strange = torch.tensor(found).mean(dim=0).tolist()
    return own, strange


@pytest.mark.parametrize("noise", [0.4, 0.55, 0.7])
@pytest.mark.parametrize("shots", [[5] * 5, [3] * 5, [8, 5, 3, 2, 2]])
def test_like_shares_of_the_classes_own_new_examples_are_refused_however_wide_they_are(
    shots: list[int], noise: float
) -> None:
    own, strange = refused(shots, noise)
    assert 0.03 < own < 0.15
    assert strange > 2 * own


def test_examples_are_as_familiar_with_a_class_of_few_examples_as_with_one_of_many() -> None:
    found = []
    for seed in range(30):
        seen, labels, asked, _ = classes([8, 2], 0.3, seed)
        found.append(
            familiarity(asked, Classes.of([FeatureSet.without_copies(seen, labels, 2)]).vectors()[0])
            .view(2, -1)
            .mean(dim=1)
        )
    many, few = torch.stack(found).mean(dim=0)
    assert abs(many - few) < 0.01


def test_where_each_class_has_one_example_others_classes_tell_what_to_expect() -> None:
    seen, labels, _, _ = classes([1, 1, 1], 0.3)
    (level,) = Classes.of([FeatureSet.without_copies(seen, labels, 3)]).level(SPEC)
    products = (seen @ seen.T) / (seen.norm(dim=1)[:, None] * seen.norm(dim=1))
    others = products.fill_diagonal_(0).amax(dim=1).mean()
    torch.testing.assert_close(level, torch.stack([SPEC.offset + SPEC.slope * others, torch.tensor(SPEC.spread)]))


def test_a_model_says_by_which_features_it_is_to_be_asked() -> None:
    seen, labels, asked, _ = classes([3, 3], 0.2)
    own = keep(seen, labels, 2)
    start = keep(seen, labels, 2, name=START_MEANS)
    assert (own.keys(), start.keys()) == ({MEANS, LEVEL}, {START_MEANS, LEVEL})
    ours, theirs = looks(CALIBRATION, own, asked, None), looks(CALIBRATION, start, torch.zeros_like(asked), asked)
    torch.testing.assert_close(ours.familiarity, theirs.familiarity)


def test_a_model_of_an_earlier_build_is_held_to_the_cosine_of_its_time() -> None:
    means = torch.eye(2, 4)
    told = looks(CALIBRATION, {MEANS: means}, torch.tensor([[0.6, 0.8, 0, 0], [0.5, 0, 0.9, 0]]), None)
    assert told.known is not None
    assert told.known.tolist() == [True, False]


def test_near_copies_do_not_make_a_model_expect_copies() -> None:
    """Four frames of one photo a class: a new photo is no frame."""
    one, labels, asked, _ = classes([1] * 5, 0.2)
    frames, of = one.repeat_interleave(4, dim=0), labels.repeat_interleave(4)
    frames = frames + 0.001 * torch.rand(frames.shape, generator=torch.Generator().manual_seed(0))
    burst, apart = (
        keep(frames, of, 5, groups) for groups in (torch.arange(5).repeat_interleave(4) * 4, torch.arange(20))
    )
    single = keep(one, labels, 5)
    shares = []
    for model in (single, burst, apart):
        known = looks(CALIBRATION, model, asked, None).known
        assert known is not None
        shares.append(float(known.float().mean()))
    assert abs(shares[0] - shares[1]) < 0.02
    assert shares[2] < shares[1] - 0.3


def test_without_a_calibration_nothing_is_said() -> None:
    seen, labels, asked, _ = classes([2, 2], 0.2)
    assert kept(None, [FeatureSet.without_copies(seen, labels, 2)], [MEANS]) == [{}]
    assert looks(None, {MEANS: torch.eye(2, 64)}, asked, None).known is None


def test_models_of_support_sets_of_any_sizes_keep_the_same_together_as_alone() -> None:
    sets = []
    for seed, (shots, frames) in enumerate([([5] * 5, 1), ([1, 1, 1], 1), ([2, 1], 3), ([8, 2, 3], 1)]):
        seen, labels, _, _ = classes(shots, 0.4, seed)
        groups = frames * torch.arange(len(labels)).repeat_interleave(frames)
        features = seen.repeat_interleave(frames, dim=0)
        sets.append(FeatureSet(features, labels.repeat_interleave(frames), len(shots), groups))
    together = kept(CALIBRATION, sets, [MEANS] * len(sets))
    for one, found in zip(sets, together, strict=True):
        torch.testing.assert_close([found], kept(CALIBRATION, [one], [MEANS]), rtol=0, atol=1e-5)
