"""The table of labels that were needed."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

DRAWS = 10_000
Counts = Mapping[str, NDArray[np.float64]]
"""Labels needed by each ranking in each run."""


def table(found: Mapping[str, Counts], rankings: Sequence[str]) -> Iterator[str]:
    """Yield a row for each data set, and their mean: labels needed at random, and each ranking's share of them."""
    yield f"| pool | labels at random | {' | '.join(f'{name}: share of these' for name in rankings)} |"
    yield f"|---|---|{'---|' * len(rankings)}"
    for name, counts in found.items():
        ratios = [_said(counts["random"].mean(), *ratio([counts], each)) for each in rankings]
        yield f"| {name} | {counts['random'].mean():.0f} | {' | '.join(ratios)} |"
    if len(found) > 1:
        ratios = [_said(None, *ratio([*found.values()], each)) for each in rankings]
        yield f"| **mean** | | {' | '.join(ratios)} |"


def ratio(sets: Sequence[Counts], ranking: str) -> tuple[float, float, float]:
    """Return the mean over data sets of (mean labels by a ranking / mean labels at random), and its 95 % interval.

    By the bootstrap over runs, whose pools both share.
    """
    random = np.random.default_rng(0)
    drawn = np.mean([_resampled(counts, ranking, random) for counts in sets], axis=0)
    mean = float(np.mean([counts[ranking].mean() / counts["random"].mean() for counts in sets]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return mean, float(low), float(high)


def _resampled(counts: Counts, ranking: str, random: np.random.Generator) -> NDArray[np.float64]:
    runs = len(counts["random"])
    chosen = random.integers(0, runs, (DRAWS, runs))
    means: NDArray[np.float64] = counts[ranking][chosen].mean(axis=1) / counts["random"][chosen].mean(axis=1)
    return means


def _said(labels: float | None, mean: float, low: float, high: float) -> str:
    count = "" if labels is None else f", {mean * labels:.0f}"
    return f"{mean:.2f} ({low:.2f} to {high:.2f}){count}"
