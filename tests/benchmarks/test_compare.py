"""Two checkpoints compared by what two runs of the benchmark of photographs wrote."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from benchmarks.photo_accuracy.compare import main
from benchmarks.photo_accuracy.contenders import OURS
from benchmarks.photo_accuracy.report import as_json
from benchmarks.photo_accuracy.results import Result

COMMAND = typer.Typer()
COMMAND.command()(main)


def written(path: Path, accuracies: Mapping[str, list[float]], **about: object) -> Path:
    """What `--json` writes of data sets, 5-way 1-shot."""
    results = [
        as_json(Result(data, 5, 1, {OURS: np.array(values)})) | {"asked": 5, "count": len(values)}
        for data, values in accuracies.items()
    ]
    path.write_text(json.dumps({"seed": 0, "quick": False, **about, "results": results}))
    return path


def test_differences_are_paired_by_episode(tmp_path: Path) -> None:
    large = written(tmp_path / "large.json", {"hats": [0.5, 0.7, 0.9], "shoes": [0.4, 0.4], "pants": [1.0, 1.0]})
    small = written(tmp_path / "small.json", {"hats": [0.4, 0.6, 0.8], "shoes": [0.5, 0.5]})
    said = CliRunner().invoke(COMMAND, [str(large), str(small)])
    assert said.exit_code == 0, said.output
    assert said.output.strip().splitlines() == [
        "| **large − small**, % | 5-way 1-shot |",
        "|---|---|",
        "| *mean* | +0.00 ± 0.00 |",
        "| hats | +10.00 ± 0.00 |",
        "| shoes | -10.00 ± 0.00 |",
    ]


@pytest.mark.parametrize("other", [{"seed": 1}, {"quick": True}])
def test_runs_of_other_episodes_are_not_compared(tmp_path: Path, other: dict[str, object]) -> None:
    first = written(tmp_path / "first.json", {"hats": [0.5, 0.7]})
    second = written(tmp_path / "second.json", {"hats": [0.5, 0.7]}, **other)
    said = CliRunner().invoke(COMMAND, [str(first), str(second)])
    assert said.exit_code != 0
    assert "same --seed and --quick" in " ".join(said.output.replace("│", " ").split())
