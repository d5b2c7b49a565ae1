"""What a large support set is solved by gives what exact ways give."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import normalize

from models.large_sets.array_file import ArrayFile
from models.large_sets.directions import coordinates, principal_directions
from models.large_sets.head import held_out, solve_head
from models.large_sets.regression import Examples

WAYS, SHOTS, SIZE = 12, 20, 40
LABELS = torch.arange(WAYS * SHOTS) % WAYS


@pytest.fixture
def features(tmp_path: Path) -> Iterator[ArrayFile]:
    """Vectors of length 1 around a mean of each class, more than one block of them."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(WAYS, SIZE, generator=generator)
    noise = torch.randn(len(LABELS), SIZE, generator=generator)
    with ArrayFile(tmp_path / "features", (SIZE,)) as file:
        for part in torch.split(normalize(centres[LABELS] + 2.5 * noise, dim=1), 100):
            file.append(part)
        yield file


def follow(what: str, done: int, total: int) -> None:
    """Look on."""


def everything(features: ArrayFile) -> Tensor:
    return torch.cat([block for _, block in features.blocks(64)])


def test_rows_come_back_in_half_precision(tmp_path: Path) -> None:
    rows = torch.randn(300, 3, 4)
    with ArrayFile(tmp_path / "rows", (3, 4)) as file:
        file.append(rows[:120])
        assert torch.equal(file.take([7, 3]), rows[[7, 3]].half().float())
        file.append(rows[120:])
        blocks = list(file.blocks(128))
    assert [places for places, _ in blocks] == [slice(0, 128), slice(128, 256), slice(256, 300)]
    assert torch.equal(torch.cat([block for _, block in blocks]), rows.half().float())


def test_directions_hold_as_much_as_any_others_could(features: ArrayFile) -> None:
    weights = torch.full((features.rows,), 1 / features.rows)
    found = principal_directions(features, weights, 10)
    rows = everything(features)
    exact = torch.linalg.eigvalsh(rows.T @ rows / len(rows)).flip(0)
    torch.testing.assert_close(found.variances, exact[:10], rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(found.q.T @ found.q, torch.eye(10), rtol=0, atol=1e-4)
    torch.testing.assert_close(coordinates(features, found).square().mean(dim=0), exact[:10], rtol=1e-3, atol=1e-5)


def test_the_head_is_scikit_learns_logistic_regression(features: ArrayFile) -> None:
    count, penalty = features.rows, 1e-3
    weights = torch.full((count,), 1 / count)
    directions = principal_directions(features, weights, SIZE)
    examples = Examples(coordinates(features, directions), LABELS, weights, WAYS, directions)
    ours = examples.fit(examples.least_squares(1e-3), penalty, 60) @ directions.q.T
    rows = everything(features)
    theirs = LogisticRegression(C=1 / (penalty * count), fit_intercept=False, tol=1e-8, max_iter=2000)
    theirs.fit(rows.double(), LABELS)
    expected = torch.from_numpy(theirs.predict_proba(rows.double())).float()
    torch.testing.assert_close((rows @ ours.T).softmax(dim=1), expected, rtol=0, atol=2e-3)


def test_a_fifth_of_each_class_is_held_out() -> None:
    labels = torch.tensor([0] * 10 + [1] * 3 + [2] * 2 + [3] + [4] * 23)[torch.randperm(39)]
    held = held_out(labels, 5)
    assert torch.bincount(labels[held], minlength=5).tolist() == [2, 1, 1, 0, 4]


def test_what_was_held_out_says_what_to_expect(features: ArrayFile) -> None:
    head = solve_head(features, LABELS, WAYS, held_out(LABELS, WAYS), follow)
    assert head.weight.shape == (WAYS, SIZE)
    assert len(head.signs.own) == WAYS * SHOTS // 5
    generator = torch.Generator().manual_seed(0)
    centres = torch.randn(WAYS, SIZE, generator=generator)
    new = normalize(centres[LABELS] + 2.5 * torch.randn(len(LABELS), SIZE, generator=generator.manual_seed(7)), dim=1)
    accuracy = float(((new @ head.weight.T).argmax(dim=1) == LABELS).float().mean())
    assert head.right > head.accuracy
    assert accuracy == pytest.approx(head.accuracy, abs=0.2)  # two deviations of 48 held-out examples and more
