"""The results as Markdown and as JSON."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from benchmarks.photo_accuracy.contenders import NO_STEPS, OURS, UNTRAINED
from benchmarks.photo_accuracy.results import Estimate, Result, mean

Difference: TypeAlias = Callable[[Result], Estimate]


def _to_untrained(result: Result) -> Estimate:
    return result.difference(OURS, UNTRAINED)


DIFFERENCES: dict[str, Difference] = {
    "kshot − the best alternative": lambda result: result.difference(OURS, result.best_alternative),
    "kshot − not meta-trained": _to_untrained,
    "kshot − 0 steps": lambda result: result.difference(OURS, NO_STEPS),
}


def table_of_set(results: Sequence[Result]) -> str:
    """One data set: a column for each setting."""
    settings = [f"{result.ways}-way {result.shots}-shot" for result in results]
    rows = [_row(name, [str(result.score(name)) for result in results]) for name in results[0].accuracies]
    rows += [
        _row(f"*{name}*", [_cell(name, result, difference) for result in results])
        for name, difference in _differences(results[0]).items()
    ]
    return _table(results[0].data, settings, rows)


def table_of_means(by_setting: dict[str, Sequence[Result]]) -> str:
    """Means over data sets: a column for each setting that was asked for."""
    columns = list(by_setting.values())
    rows = [
        _row(name, [str(mean([result.score(name) for result in column])) for column in columns])
        for name in columns[0][0].accuracies
    ]
    rows += [
        _row(f"*{name}*", [mean([difference(result) for result in column]).signed for column in columns])
        for name, difference in _differences(columns[0][0]).items()
    ]
    return _table(f"mean of {len(columns[0])} sets", list(by_setting), rows)


def as_json(result: Result) -> dict[str, Any]:
    """A result with the accuracy of every episode."""
    return {
        "data": result.data,
        "ways": result.ways,
        "shots": result.shots,
        "best_alternative": result.best_alternative,
        "differences": {name: vars(difference(result)) for name, difference in _differences(result).items()},
        "contenders": {
            name: {**vars(result.score(name)), "episodes": values.tolist()}
            for name, values in result.accuracies.items()
        },
    }


def _differences(result: Result) -> dict[str, Difference]:
    """Those to contenders that took part."""
    return {
        name: each for name, each in DIFFERENCES.items() if each is not _to_untrained or UNTRAINED in result.accuracies
    }


def _cell(name: str, result: Result, difference: Difference) -> str:
    """A difference, and to whom where that is not the same everywhere."""
    text = difference(result).signed
    return f"{text} ({result.best_alternative})" if name.endswith("the best alternative") else text


def _table(title: str, columns: Sequence[str], rows: Sequence[str]) -> str:
    return "\n".join([_row(f"**{title}**, %", columns), "|---" * (1 + len(columns)) + "|", *rows, ""])


def _row(name: str, cells: Sequence[str]) -> str:
    return f"| {name} | " + " | ".join(cells) + " |"
