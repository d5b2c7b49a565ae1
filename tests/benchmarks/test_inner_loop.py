"""The benchmark of the inner loop: it compares like with like, and it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.inner_loop.__main__ import main
from benchmarks.inner_loop.agreement import DisagreementError, check
from benchmarks.inner_loop.contenders import CONTENDERS, OURS, Contender, Name, Ours
from benchmarks.inner_loop.problem import BATCH, NETWORKS, WAYS, Problem, flops
from benchmarks.inner_loop.rounds import parts
from benchmarks.inner_loop.textbook import textbook
from models.networks.conv4.network import Conv4

ROOT = Path(__file__).parents[2]
STRIDED, POOLED = Conv4(channels=1, size=28, filters=8), Conv4(channels=3, size=21, filters=8, pool=True)


@pytest.mark.parametrize("network", [STRIDED, POOLED])
def test_all_contenders_come_to_the_same_weights(network: Conv4) -> None:
    assert check(network) < 1e-7


def test_a_contender_that_does_something_else_is_refused() -> None:
    def other_epsilon(problem: Problem) -> Contender:
        return Ours(replace(problem, epsilon=1e-3))

    with pytest.raises(DisagreementError, match="other epsilon"):
        check(STRIDED, {OURS: Ours, Name("other epsilon"): other_epsilon})


@pytest.mark.parametrize("network", NETWORKS.values())
def test_operations_are_those_that_torch_counts(network: Conv4) -> None:
    module = textbook(network)
    x = torch.rand(BATCH, network.channels, network.size, network.size)
    with FlopCounterMode(display=False) as counter:
        cross_entropy(module(x), torch.arange(BATCH) % WAYS).backward()
    assert flops(network) == counter.get_total_flops()


def test_processes_share_the_tasks_evenly() -> None:
    assert parts(1, 2) == [[1], [1]]
    assert parts(5, 2) == [[3, 2], [2, 3]]
    assert parts(32, 2) == [[16, 16], [16, 16]]
    assert parts(32, 1) == [[32]]


@pytest.mark.skipif("KSHOT_BENCHMARKS" not in os.environ, reason="takes half a minute: `make benchmarks` runs it")
def test_a_quick_run_reports_every_contender(tmp_path: Path) -> None:
    out = tmp_path / "inner_loop.json"
    narrow = ["--quick", "--networks", "28", "--threads", "2", "--json", str(out)]
    command = [sys.executable, "-m", "benchmarks.inner_loop", *narrow]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(f"| 2 | 2 | {name.method} |" in done.stdout for name in CONTENDERS)
    row = json.loads(out.read_text())["rows"][0]
    best = {own["method"]: own["times_ours"] for own in row["contenders"] if own["best_of_its_method"]}
    assert best.keys() == {name.method for name in CONTENDERS}
    assert best[OURS.method] == 1
    arrangements = {own["arrangement"] for own in row["contenders"] if own["method"] == OURS.method}
    assert arrangements == {"2 threads", "2 processes"}
    assert row["gemm_flops_per_second"] > 1e9


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(typer.BadParameter, match="'29' is none of 28, 84"):
        main(networks=["29"])
