"""Cards: read as earlier versions wrote them, kept whole, and refused where they are none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from meta_training.errors import DataError
from meta_training.evaluation.card import Card
from meta_training.evaluation.score import BatchNorm, Score
from models.checkpoint import SHIPPED

PAPER_CARD = Path(__file__).parents[3] / "docs" / "omniglot-5way.json"
WRITTEN_EARLIER = [*sorted(SHIPPED.glob("*.json")), PAPER_CARD]


def score(ways: int, shots: int, accuracy: float, batch_norm: BatchNorm | None = None) -> Score:
    return Score(
        ways=ways,
        shots=shots,
        steps=5,
        learning_rate=0.1,
        accuracy=accuracy,
        interval=0.01,
        episodes=9,
        batch_norm=batch_norm,
    )


@pytest.mark.parametrize("path", WRITTEN_EARLIER, ids=lambda path: path.stem)
def test_a_card_that_an_earlier_version_wrote_is_kept_whole(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    Card.read(path).write(copy)
    assert json.loads(copy.read_text()) == json.loads(path.read_text())


def test_what_a_later_version_adds_is_kept_too(tmp_path: Path) -> None:
    document = json.loads(PAPER_CARD.read_text())
    document["licence"] = document["data"]["licence"] = document["config"]["licence"] = "MIT"
    path = tmp_path / "later.json"
    path.write_text(json.dumps(document))
    Card.read(path).write(path)
    assert json.loads(path.read_text()) == document


def test_a_card_is_found_by_the_name_of_its_checkpoint() -> None:
    assert Card.read(SHIPPED / "omniglot.safetensors") == Card.read(SHIPPED / "omniglot.json")


def test_new_scores_take_the_place_of_those_in_the_same_setting(tmp_path: Path) -> None:
    path = Path(shutil.copy(SHIPPED / "photo.json", tmp_path))
    before = Card.read(path)
    first = before.with_scores("test", [score(5, 1, 0.5), score(5, 5, 0.6), score(5, 1, 0.7, BatchNorm.FROZEN)])
    first.with_scores("validation", [score(5, 1, 0.1)]).with_scores("test", [score(5, 1, 0.9)]).write(path)
    after = Card.read(path)
    accuracies = {(found.ways, found.shots, found.batch_norm): found.accuracy for found in after.test_scores}
    assert accuracies == {(5, 1, None): 0.9, (5, 5, None): 0.6, (5, 1, BatchNorm.FROZEN): 0.7}
    assert [found.accuracy for found in after.results["validation"]] == [0.1]
    assert after.data == before.data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "any.json is missing: it says which classes any never saw"),
        ("{", "cannot be read as JSON"),
        ("[1]", "is no card that a run wrote"),
        ('{"data": []}', "is no card that a run wrote: see its `name`"),
    ],
)
def test_what_is_no_card_is_refused(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "any.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(DataError, match=message):
        Card.read(path)
