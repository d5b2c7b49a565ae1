"""`kshot report`, called in process: the table beside the published figures, its pictures, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from meta_training.commands import report
from meta_training.evaluation.card import Card
from meta_training.reports.comparison import Column, compare
from meta_training.reports.comparison_picture import draw_comparison
from models.checkpoint import SHIPPED

CARD = SHIPPED / "omniglot.json"
MEMORY = [{"step": step, "first": 0.5, "last": 0.1, "memory": 500.0 + step} for step in (10, 20, 30)]


def card(path: Path, scores: list[dict[str, Any]], **changes: Any) -> Path:
    """The shipped card with other test scores."""
    document = json.loads(CARD.read_text()) | {"results": {"test": scores}} | changes
    path.write_text(json.dumps(document))
    return path


def score(ways: int, shots: int, accuracy: float, kind: str | None = None, batch: int | None = None) -> dict[str, Any]:
    """A score as `kshot evaluate --write-card` keeps it."""
    setting = {"ways": ways, "shots": shots, "steps": 50, "learning_rate": 1e-3, "episodes": 10_000}
    protocol = {"batch_norm": kind, "inner_batch": batch} if kind else {}
    found = {"accuracy": accuracy, "interval": 0.0012, "transductive": kind is not None and kind.startswith("(b)")}
    return setting | found | protocol


def paper_scores(ways: int, shots: int) -> list[dict[str, Any]]:
    kinds = ("(a) support + one query", "(b) all queries together", "(c) support, frozen")
    return [score(ways, shots, accuracy, kind, 5) for kind, accuracy in zip(kinds, (0.96, 0.98, 0.95), strict=True)]


def table(text: str) -> dict[str, list[str]]:
    """Cells by the label of their row; that of the columns' names is empty."""
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ") and "---" not in line]
    header = lines[0][0].removeprefix("| "), *lines[0][1:]
    return {"": list(header)} | {label.strip("*"): cells for label, *cells in lines[1:]}


def printed(capsys: pytest.CaptureFixture[str], *cards: Path) -> str:
    report(list(cards) or None)
    return capsys.readouterr().out


def test_the_shipped_card_stands_beside_the_papers_figures(capsys: pytest.CaptureFixture[str]) -> None:
    text, document = printed(capsys), json.loads(CARD.read_text())
    rows = table(text)
    place = rows[""].index("Omniglot 5-way 1-shot")
    assert rows["Reptile"][place] == "95.39 ± 0.09"
    assert rows["Reptile T"][place] == "97.68 ± 0.04"
    assert rows["MAML T"][place] == "98.7 ± 0.4"
    assert rows["iMAML (T)"][place] == "99.50"
    served = [score for score in document["results"]["test"] if "batch_norm" not in score]
    (ours,) = (score for score in served if (score["ways"], score["shots"]) == (5, 1))
    expected = f"{100 * ours['accuracy']:.2f} ± {100 * ours['interval']:.2f}"
    assert rows["omniglot (c) support, frozen, as served"][place] == expected
    for fact in (document["command"], document["digest"], "seed 0", "423 test classes", f"{ours['episodes']} episodes"):
        assert fact in text


def test_each_way_of_batch_norm_has_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scores = [*paper_scores(5, 1), score(5, 1, 0.94)]
    text = printed(capsys, card(tmp_path / "any.json", scores))
    rows = table(text)
    ours = {label: cells for label, cells in rows.items() if label.startswith("omniglot")}
    assert ours == {
        "omniglot (a) support + one query": ["96.00 ± 0.12"],
        "omniglot (b) all queries together, T": ["98.00 ± 0.12"],
        "omniglot (c) support, frozen": ["95.00 ± 0.12"],
        "omniglot (c) support, frozen, as served": ["94.00 ± 0.12"],
    }
    assert "(a) support + one query: 50 inner steps on 5 images, learning rate 0.001, 10,000 episodes" in text
    assert "as served: 50 inner steps on the whole support set" in text


def test_a_setting_that_a_card_lacks_is_a_dash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    five = card(tmp_path / "five.json", [score(5, 1, 0.96)], name="five")
    twenty = card(tmp_path / "twenty.json", [score(20, 1, 0.9), score(50, 1, 0.8)], name="twenty")
    rows = table(printed(capsys, twenty, five))
    assert rows[""] == ["Omniglot 5-way 1-shot", "Omniglot 20-way 1-shot", "Omniglot 50-way 1-shot"]
    assert rows["five (c) support, frozen, as served"] == ["96.00 ± 0.12", "–", "–"]
    assert rows["twenty (c) support, frozen, as served"] == ["–", "90.00 ± 0.12", "80.00 ± 0.12"]
    assert rows["Reptile"] == ["95.39 ± 0.09", "88.14 ± 0.15", "–"]


def test_figures_are_compared_with_those_of_their_data_set_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = {"training_classes": 64, "test_classes": ["n01"]}
    mini = card(tmp_path / "mini.json", [score(5, 1, 0.48)], data=data | {"source": "Mini-ImageNet"})
    rows = table(printed(capsys, mini))
    assert rows["Reptile T"] == ["49.97 ± 0.32"]
    assert "iMAML (T)" not in rows
    other = card(tmp_path / "other.json", [score(5, 1, 0.48)], data=data | {"source": "symbols"})
    rows = table(printed(capsys, other))
    assert rows.keys() == {"", "omniglot (c) support, frozen, as served"}
    assert rows[""] == ["symbols 5-way 1-shot"]


def test_two_cards_of_one_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = card(tmp_path / "first.json", [score(5, 1, 0.96)], digest="sha256:0123456789")
    second = card(tmp_path / "second.json", [score(5, 1, 0.95)], digest="sha256:abcdefabcd")
    rows = table(printed(capsys, first, second))
    assert rows["omniglot 01234567 (c) support, frozen, as served"] == ["96.00 ± 0.12"]
    assert rows["omniglot abcdefab (c) support, frozen, as served"] == ["95.00 ± 0.12"]


def test_the_picture_has_a_dot_for_each_figure(tmp_path: Path) -> None:
    found = Card.read(card(tmp_path / "any.json", [*paper_scores(5, 1), *(score(n, 1, 0.9) for n in (2, 3, 20, 50))]))
    comparison = compare({"any": found})
    panels = [panel for panel in draw_comparison(comparison).axes if panel.get_visible()]
    assert [panel.get_title() for panel in panels] == [str(column) for column in comparison.columns]
    labels = [label.get_text() for label in panels[0].get_yticklabels()]
    assert labels == [row.label for row in comparison.rows]
    dots = {float(line.get_xdata()[0]) for bars in panels[0].containers for line in bars.lines[:1]}
    column = Column("Omniglot", 5, 1)
    assert dots == {row.cells[column].accuracy for row in comparison.rows if column in row.cells}
    assert len(dots) == 5 + 3


def test_a_run_folder_adds_its_learning_curve_and_memory(tmp_path: Path) -> None:
    run, out = tmp_path / "run", tmp_path / "out"
    run.mkdir()
    card(run / "mine.json", [score(5, 1, 0.96)], name="mine")
    curves = {"step": 30, "seconds": 60.0, "losses": MEMORY, "validation": []}
    (run / "report.json").write_text(json.dumps({"config": {"name": "mine"}, **curves}))
    report([run], out)
    text = (out / "report.md").read_text()
    assert "memory: 510 MB after 10 meta steps, 530 MB after 30, 530 MB at most" in text
    for name in ("report.png", "mine-learning-curve.png"):
        assert f"]({name})" in text
        assert (out / name).read_bytes().startswith(b"\x89PNG")


def test_a_card_without_scores_says_how_to_get_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, card(tmp_path / "new.json", []))
    assert f"not scored yet: `kshot evaluate {tmp_path / 'new.safetensors'} --write-card`" in text
    assert "|" not in text


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("notes.md", "# notes", "notes.md is no card"),
        ("broken.json", "{", "cannot be read as JSON"),
        ("other.json", '{"data": {"source": "x"}}', "is no card that a run wrote: see its `name`"),
        ("absent.json", None, "absent.json is missing"),
        ("", None, "holds no report.json"),
        ("report.json", "[]", "report.json is not what a run wrote"),
    ],
)
def test_what_is_no_card_is_refused_with_what_to_name(
    name: str, text: str | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(typer.Exit):
        report([tmp_path if name == "report.json" else path])
    error = " ".join(capsys.readouterr().err.split())
    assert message in error
    assert any(remedy in error for remedy in ("Name a checkpoint's card", "Fetch it anew", "Put it beside"))
