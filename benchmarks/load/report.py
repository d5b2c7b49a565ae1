"""Tables of what was measured."""

from collections.abc import Sequence

import numpy as np

from benchmarks.inner_loop.problem import BATCH, flops
from benchmarks.load.clients import Answered
from benchmarks.load.rounds import LONE, STEPS, Measured, Phase
from benchmarks.load.services import ALONE, KSHOT, TOGETHER
from models.networks.conv4.network import Conv4

SUPPORT = 25  # pictures


def report(checkpoint: str, measured: Measured) -> str:
    """All of it, in Markdown."""
    lines = [f"**{checkpoint}**, matrix products at {_spread(measured.peaks, '.0f')} GFLOP/s", ""]
    lines += ["| a second | | p50 ms | p99 ms | refused | kshot is | as 2 processes |", "|---|---|---|---|---|---|---|"]
    for phase in (phase for phase in measured.turns if phase not in LONE):
        lines += _rows(measured, phase)
    lines += ["", *_sentences(checkpoint, measured), ""]
    return "\n".join(lines)


def _rows(measured: Measured, phase: Phase) -> list[str]:
    services = measured.turns[phase]
    return [
        f"| {phase}: {name} | {_spread([turn.rate for turn in turns], '.1f')} | {_median(turns, 50)} | "
        f"{_median(turns, 99)} | {sum(turn.refused for turn in turns)} | {_times(services.get(KSHOT), turns)} | "
        f"{_times(services.get(TOGETHER), turns)} |"
        for name, turns in services.items()
    ]


def _sentences(checkpoint: str, measured: Measured) -> list[str]:
    turns, said = measured.turns, []
    if checkpoint == "omniglot" and KSHOT in turns[Phase.ADAPT]:
        work = flops(Conv4(channels=1, size=28)) * SUPPORT / BATCH * (STEPS[checkpoint] or 0) / 1e9
        shares = [100 * work * turn.rate / np.median(measured.peaks) for turn in turns[Phase.ADAPT][KSHOT]]
        said.append(f"Adapting reaches {_spread(shares, '.0f')} % of these matrix products ({work:.2f} GFLOP each).")
    if KSHOT in turns[Phase.MANY_MODELS]:
        ratio = _ratios(turns[Phase.MANY_MODELS][KSHOT], turns[Phase.ONE_MODEL][KSHOT])
        said.append(f"kshot predicts over many models at {_spread(ratio, '.2f')} times its rate over one.")
    for phase in LONE:
        if {KSHOT, ALONE} <= turns[phase].keys():
            pairs = zip(turns[phase][KSHOT], turns[phase][ALONE], strict=True)
            costs = [ours.percentile(50) - alone.percentile(50) for ours, alone in pairs]
            said.append(
                f"{phase}: p50 {_median(turns[phase][KSHOT], 50)} ms; batching costs {_spread(costs, '.1f')} ms of it."
            )
    return said


def _times(ours: Sequence[Answered] | None, theirs: Sequence[Answered]) -> str:
    return "" if ours is None or ours is theirs else f"{_spread(_ratios(ours, theirs), '.2f')} ×"


def _ratios(ours: Sequence[Answered], theirs: Sequence[Answered]) -> list[float]:
    """Of each round by itself: a busy moment of the machine is in both."""
    return [our.rate / their.rate for our, their in zip(ours, theirs, strict=True)]


def _median(turns: Sequence[Answered], percent: float) -> str:
    return f"{np.median([turn.percentile(percent) for turn in turns]):.0f}"


def _spread(values: Sequence[float], form: str) -> str:
    """Median, least and most."""
    middle, least, most = (format(value, form) for value in (float(np.median(values)), min(values), max(values)))
    return f"{middle} ({least} to {most})"
