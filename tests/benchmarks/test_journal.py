"""A long benchmark's results survive its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer

from benchmarks.journal import Journal
from benchmarks.photo_accuracy.report import as_json, from_json
from benchmarks.photo_accuracy.results import Result

ABOUT = {"checkpoint": "sha256:1", "seed": 0, "machine": "this one"}
RESULT = Result("birds", 6, 5, {"kshot": np.array([0.5, 1.0]), "kshot, not meta-trained": np.array([0.5, 0.5])})


def test_a_run_that_is_started_again_goes_on_after_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    Journal.open(path, ABOUT).write({"asked": 10}, as_json(RESULT))
    again = Journal.open(path, ABOUT)
    row = again.find({"data": "birds", "asked": 10, "shots": 5})
    assert row
    of_both = "kshot", "kshot, not meta-trained"
    assert from_json(row).difference(*of_both) == RESULT.difference(*of_both)
    assert again.find({"data": "birds", "asked": 10, "shots": 1}) is None
    assert again.find({"data": "birds", "asked": 5, "shots": 5}) is None


@pytest.mark.parametrize("other", [{"checkpoint": "sha256:2"}, {"seed": 1}, {"quick": True}])
def test_results_of_something_else_are_not_mixed_in(tmp_path: Path, other: dict[str, object]) -> None:
    path = tmp_path / "results.json"
    Journal.open(path, ABOUT).write({}, as_json(RESULT))
    with pytest.raises(typer.BadParameter, match="Name another file"):
        Journal.open(path, {**ABOUT, **other})


def test_what_is_found_anew_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path / "results.json", ABOUT)
    journal.write({"data": "birds", "shots": 1}, {"right": 0.5})
    journal.write({"data": "birds", "shots": 5}, {"right": 0.7})
    journal.write({"data": "birds", "shots": 1}, {"right": 0.6})
    rows = Journal.open(tmp_path / "results.json", ABOUT).rows
    assert sorted((row["shots"], row["right"]) for row in rows) == [(1, 0.6), (5, 0.7)]
