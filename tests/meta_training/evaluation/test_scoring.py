"""`kshot evaluate`, called in process: what it scores, and what it keeps in the card."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from meta_training.commands import evaluate
from meta_training.errors import DataError
from meta_training.evaluation.card import Card, CardConfig, CardData
from meta_training.evaluation.scoring import Scoring, score_checkpoint
from models.checkpoint import save_checkpoint
from models.inputs.image import ImageInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.conv4.network import Conv4

TEST = ("angelic_18", "greek_21", "hebrew_21")
VALIDATION = ("hiragana_15", "korean_29")


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Weights as they start, which leave an accuracy room to differ, and a card that holds out all five drawings."""
    metadata = CheckpointMetadata(
        name="fresh",
        created_at="2026-01-01T00:00:00+00:00",
        network=Conv4(channels=1, size=16, filters=4),
        input=ImageInput(channels=1, size=16),
        inner=InnerSpec(steps=2, learning_rate=0.001),
    )
    path = tmp_path / "fresh.safetensors"
    saved = save_checkpoint(path, metadata, metadata.build().initialize(seed=0))
    card = Card(
        name="fresh",
        digest=saved.digest,
        created_at=metadata.created_at,
        command=None,
        training_seconds=0,
        config=CardConfig(seed=0, meta_steps=0),
        data=CardData(source="drawings", training_classes=0, validation_classes=VALIDATION, test_classes=TEST),
    )
    card.write(path)
    return path


@pytest.fixture
def data(drawings: Path) -> Path:
    return drawings / "support"


def scores(checkpoint: Path, data: Path, **options: Any) -> list[dict[str, Any]]:
    """What `kshot evaluate --write-card` with these options leaves in the card, 2-way 1-shot unless they say more."""
    options = {"ways": [2], "shots": [1], "episodes": 40} | options
    evaluate(checkpoint, data, **options, write_card=True, device="cpu")
    results: dict[str, list[dict[str, Any]]] = json.loads(checkpoint.with_suffix(".json").read_text())["results"]
    return results[options.get("classes", "test")]


@pytest.mark.parametrize(
    "options",
    [{"steps": 40}, {"learning_rate": 0.5}, {"transductive": True}, {"classes": "validation"}],
    ids=lambda options: next(iter(options)),
)
def test_an_option_changes_what_is_scored(options: dict[str, Any], checkpoint: Path, data: Path) -> None:
    (usual,) = scores(checkpoint, data)
    (other,) = scores(checkpoint, data, **options)
    assert other["accuracy"] != usual["accuracy"]
    assert other.items() >= {name: value for name, value in options.items() if name != "classes"}.items()


@pytest.mark.parametrize(("part", "most"), [("test", 3), ("validation", 2)])
def test_the_classes_scored_are_those_the_card_names(
    part: str, most: int, checkpoint: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = scores(checkpoint, data, classes=part, ways=None, shots=None, episodes=2)
    assert f"{most} {part} classes" in capsys.readouterr().out
    assert [(score["ways"], score["shots"]) for score in result] == [(most, 1), (most, 4)]


def test_what_differs_from_the_service_is_printed(
    checkpoint: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scores(checkpoint, data)
    assert "2-way 1-shot, k = 2: " in capsys.readouterr().out
    scores(checkpoint, data, learning_rate=0.01, transductive=True)
    assert "2-way 1-shot, k = 2, learning rate 0.01, transductive: " in capsys.readouterr().out


def test_a_score_by_the_papers_protocol_says_how_it_came_about(checkpoint: Path, data: Path) -> None:
    result = scores(checkpoint, data, inner_batch=2, episodes=2)
    assert [score["batch_norm"][:3] for score in result] == ["(a)", "(b)", "(c)"]
    assert [score["transductive"] for score in result] == [False, True, False]
    assert {score["inner_batch"] for score in result} == {2}


def test_a_card_keeps_the_scores_of_other_settings(checkpoint: Path, data: Path) -> None:
    scores(checkpoint, data, ways=[2, 3], shots=[1, 2], episodes=2)
    scores(checkpoint, data, inner_batch=2, episodes=2)
    result = scores(checkpoint, data, ways=[3], shots=[1], episodes=4)
    service = [score for score in result if "batch_norm" not in score]
    counts = {(score["ways"], score["shots"]): score["episodes"] for score in service}
    assert counts == {(2, 1): 2, (2, 2): 2, (3, 1): 4, (3, 2): 2}
    assert (len(service), len(result)) == (4, 7)


@pytest.mark.parametrize("rate", [0.0, -1.0, math.nan, math.inf])
def test_a_learning_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(DataError, match="--learning-rate must be above 0 and finite"):
        Scoring(episodes=2, learning_rate=rate)


def test_options_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(DataError, match="leave --transductive out"):
        Scoring(episodes=2, transductive=True, inner_batch=5)
    with pytest.raises(DataError, match="--classes takes test or validation, not 'training'"):
        Scoring(episodes=2, part="training")


def test_the_card_of_another_checkpoint_is_refused(checkpoint: Path, data: Path) -> None:
    Card.read(checkpoint).model_copy(update={"digest": "sha256:0"}).write(checkpoint)
    with pytest.raises(DataError, match=r"fresh\.json is not the card of fresh\.safetensors"):
        score_checkpoint(checkpoint, data, Scoring(episodes=2), torch.device("cpu"), write_card=False)


def test_a_part_that_the_card_does_not_name_is_refused(checkpoint: Path, data: Path) -> None:
    card = Card.read(checkpoint)
    card.model_copy(update={"data": card.data.model_copy(update={"validation_classes": ()})}).write(checkpoint)
    with pytest.raises(DataError, match=r"names no validation classes in data\.validation_classes"):
        score_checkpoint(
            checkpoint, data, Scoring(episodes=2, part="validation"), torch.device("cpu"), write_card=False
        )
