"""A long benchmark's results survive its end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer

from benchmarks.photo_accuracy.journal import Journal
from benchmarks.photo_accuracy.results import Result

ABOUT = {"checkpoint": "sha256:1", "seed": 0, "machine": "this one"}
RESULT = Result("birds", 6, 5, {"kshot": np.array([0.5, 1.0]), "kshot, not meta-trained": np.array([0.5, 0.5])})


def test_a_run_that_is_started_again_goes_on_after_what_it_found(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    Journal.open(path, ABOUT).add(RESULT, asked=10)
    again = Journal.open(path, ABOUT)
    found = again.result("birds", 10, 5, episodes=2)
    assert found
    assert found.difference("kshot", "kshot, not meta-trained") == RESULT.difference("kshot", "kshot, not meta-trained")
    assert again.result("birds", 10, 5, episodes=3) is None
    assert again.result("birds", 5, 5, episodes=2) is None


@pytest.mark.parametrize("other", [{"checkpoint": "sha256:2"}, {"seed": 1}, {"contenders": ["kshot"]}])
def test_results_of_something_else_are_not_mixed_in(tmp_path: Path, other: dict[str, object]) -> None:
    path = tmp_path / "results.json"
    Journal.open(path, ABOUT).add(RESULT, asked=10)
    with pytest.raises(typer.BadParameter, match="Name another file"):
        Journal.open(path, {**ABOUT, **other})
