"""Write the measurements as Markdown and as JSON."""

from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from benchmarks.inner_loop.breakdown import Breakdown
from benchmarks.inner_loop.problem import NETWORKS, describe, flops
from benchmarks.inner_loop.rounds import Candidate, Measured

HEAD = (
    "| T | threads | | fastest as | ms a task-step | quartiles | GFLOP/s | of the GEMM peak | times ours | range |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def table(network: str, rows: Sequence[Measured]) -> str:
    """Return one network's table."""
    title = f"**{describe(NETWORKS[network])}**, {flops(NETWORKS[network]) / 1e6:.0f} MFLOP a task-step"
    lines = [_line(measured, method) for measured in rows for method in measured.methods]
    return "\n".join([title, "", HEAD, *lines, ""])


def _line(measured: Measured, method: str) -> str:
    candidate, ratios = measured.best(method), measured.ratios(method)
    low, middle, high = np.percentile(measured.rounds[candidate], (25, 50, 75))
    rate = measured.rate(candidate)
    cells = [
        f"{measured.row.tasks}",
        f"{measured.row.threads}",
        method,
        ", ".join(filter(None, (candidate.name.memory_format, candidate.arrangement))),
        f"{middle:.2f}",
        f"{low:.2f}–{high:.2f}",
        f"{rate / 1e9:.1f}",
        f"{rate / measured.peak:.0%} of {measured.peak / 1e9:.0f}",
        f"{median(ratios):.2f}",
        f"{min(ratios):.2f}–{max(ratios):.2f}",
    ]
    return "| " + " | ".join(cells) + " |"


def breakdown_line(network: str, tasks: int, found: Breakdown, peak: float | None) -> str:
    """Return a sentence that says where our own time goes."""
    total = found.products + found.loops + found.rest
    rate = 1e3 * flops(NETWORKS[network]) / found.products
    of_peak = f", {rate / peak:.0%} of the peak" if peak else ""
    return (
        f"{describe(NETWORKS[network])}, T = {tasks}, one thread: {total:.2f} ms a task-step under the profiler, "
        f"of which products and convolutions {found.products / total:.0%} (at {rate / 1e9:.0f} GFLOP/s{of_peak}), "
        f"compiled loops {found.loops / total:.0%}, the rest {found.rest / total:.0%}"
    )


def as_json(measured: Measured) -> dict[str, Any]:
    """Return a row with the times of every round."""
    return {
        "network": describe(NETWORKS[measured.row.network]),
        "tasks": measured.row.tasks,
        "threads": measured.row.threads,
        "flops": flops(NETWORKS[measured.row.network]),
        "gemm_flops_per_second": measured.peak,
        "contenders": [_contender(measured, candidate) for candidate in measured.rounds],
    }


def _contender(measured: Measured, candidate: Candidate) -> dict[str, Any]:
    method = candidate.name.method
    chosen = method in measured.methods and candidate == measured.best(method)
    return {
        "method": method,
        "memory_format": candidate.name.memory_format or None,
        "arrangement": candidate.arrangement,
        "best_of_its_method": chosen,
        "times_ours": median(measured.ratios(method)) if chosen else None,
        "ms": measured.rounds[candidate],
    }
