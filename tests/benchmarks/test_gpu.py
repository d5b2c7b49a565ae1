"""The benchmark of a GPU runs without one, and says what it could not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks.gpu.__main__ import PARTS, main


def test_a_quick_run_has_a_line_for_everything_and_goes_on_after_what_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gpu.json"
    main(quick=True, tests=False, threads=torch.get_num_threads(), out=out)
    lines = capsys.readouterr().out.splitlines()
    assert [each["part"] for each in json.loads(out.read_text())["results"]] == list(PARTS)
    assert len([line for line in lines if line.startswith("| adapt to 25 drawings") and "| cpu |" in line]) == 1
    without = [line for line in lines if "| not run |" in line]
    assert bool(without) != torch.cuda.is_available()
    assert all("| cuda" in line for line in without)

    main(quick=True, tests=False, threads=torch.get_num_threads(), out=out)
    again = capsys.readouterr().out.splitlines()
    assert [line for line in again if line.startswith("|")] == [line for line in lines if line.startswith("|")]
