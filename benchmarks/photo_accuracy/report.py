"""The results as Markdown and as JSON."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from benchmarks.photo_accuracy.contenders import ALTERNATIVES, NO_STEPS, OURS, UNTRAINED
from benchmarks.photo_accuracy.results import Estimate, Result, mean

Difference: TypeAlias = Callable[[Result], Estimate]

ALTERNATIVE, TRAINED, STEPS = "kshot − the best alternative", "kshot − not meta-trained", "kshot − 0 steps"
DIFFERENCES: dict[str, Difference] = {
    ALTERNATIVE: lambda result: result.difference(OURS, result.best_alternative),
    TRAINED: lambda result: result.difference(OURS, UNTRAINED),
    STEPS: lambda result: result.difference(OURS, NO_STEPS),
}


def table_of_set(results: Sequence[Result]) -> str:
    """One data set: a column for each setting."""
    settings = [f"{result.ways}-way {result.shots}-shot" for result in results]
    rows = [row(name, [str(result.score(name)) for result in results]) for name in results[0].accuracies]
    rows += [
        row(f"*{name}*", [_cell(name, result, difference) for result in results])
        for name, difference in differences(results[0]).items()
    ]
    return table(results[0].data, settings, rows)


def table_of_means(by_setting: dict[str, Sequence[Result]], title: str = "sets") -> str:
    """Means over data sets: a column for each setting that was asked for."""
    columns = list(by_setting.values())
    rows = [
        row(name, [str(mean([result.score(name) for result in column])) for column in columns])
        for name in columns[0][0].accuracies
    ]
    rows += [
        row(f"*{name}*", [mean([difference(result) for result in column]).signed for column in columns])
        for name, difference in differences(columns[0][0]).items()
    ]
    return table(f"mean of {len(columns[0])} {title}", list(by_setting), rows)


def table_of_differences(by_setting: dict[str, Sequence[Result]], name: str) -> str:
    """A difference by name, in every set: a row for each."""
    difference, columns = DIFFERENCES[name], list(by_setting.values())
    rows = [row(cells[0].data, [difference(result).signed for result in cells]) for cells in zip(*columns, strict=True)]
    return table(name, list(by_setting), rows)


def as_json(result: Result) -> dict[str, Any]:
    """A result with the accuracy of every episode."""
    return {
        "data": result.data,
        "ways": result.ways,
        "shots": result.shots,
        "differences": {name: vars(difference(result)) for name, difference in differences(result).items()},
        "contenders": {
            name: {**vars(result.score(name)), "episodes": values.tolist()}
            for name, values in result.accuracies.items()
        },
    }


def from_json(document: dict[str, Any]) -> Result:
    """What `as_json` gave."""
    episodes = {name: np.array(found["episodes"]) for name, found in document["contenders"].items()}
    return Result(document["data"], document["ways"], document["shots"], episodes)


def differences(result: Result) -> dict[str, Difference]:
    """Those to contenders that took part."""
    there = result.accuracies.keys()
    needed = {ALTERNATIVE: ALTERNATIVES.keys() <= there, TRAINED: UNTRAINED in there, STEPS: NO_STEPS in there}
    return {name: each for name, each in DIFFERENCES.items() if OURS in there and needed[name]}


def _cell(name: str, result: Result, difference: Difference) -> str:
    """A difference, and to whom where that is not the same everywhere."""
    text = difference(result).signed
    return f"{text} ({result.best_alternative})" if name == ALTERNATIVE else text


def table(title: str, columns: Sequence[str], rows: Sequence[str]) -> str:
    """Return a Markdown table, of percent."""
    return "\n".join([row(f"**{title}**, %", columns), "|---" * (1 + len(columns)) + "|", *rows, ""])


def row(name: str, cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return f"| {name} | " + " | ".join(cells) + " |"
