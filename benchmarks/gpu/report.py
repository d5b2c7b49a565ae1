"""Rows of figures as a Markdown table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

HEAD = "| | T | | a second | ms for T | times the first's rate | |\n|---|---|---|---|---|---|---|"
NOT_RUN = "not run"


@dataclass(frozen=True)
class Row:
    """What was measured together: the seconds that each contender took for T things at once."""

    what: str
    tasks: int
    seconds: dict[str, float]
    """By contender; one that is missing was not run, or took too long for a turn."""
    contenders: list[str]
    """All that there are; rates are compared with the first one's."""
    notes: dict[str, str] = field(default_factory=dict)
    """What else is to be said of a contender."""

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def report(title: str, rows: Sequence[Row]) -> str:
    """Return the table, with a line for each contender of each row."""
    return "\n".join([f"**{title}**\n", HEAD, *(_line(row, name) for row in rows for name in row.contenders)])


def best(rows: Sequence[Row]) -> str:
    """Return each contender's best rate over all T, and how many times that of the first that ran it is."""
    return "\n".join(
        _best(what, [row for row in rows if row.what == what]) for what in dict.fromkeys(r.what for r in rows)
    )


def _best(what: str, rows: Sequence[Row]) -> str:
    rates = {
        name: max(row.tasks / row.seconds[name] for row in rows if name in row.seconds)
        for name in rows[0].contenders
        if any(name in row.seconds for row in rows)
    }
    said = [f"{name} {rate:.4g} ({rate / next(iter(rates.values())):.3g} ×)" for name, rate in rates.items()]
    return f"- {what}, a second at best: {', '.join(said) or NOT_RUN}"


def _line(row: Row, name: str) -> str:
    seconds, first = row.seconds.get(name), row.seconds.get(row.contenders[0])
    figures = [NOT_RUN, "", ""]
    if seconds is not None:
        ratio = "" if first is None else f"{first / seconds:.3g}"
        figures = [f"{row.tasks / seconds:.4g}", f"{1e3 * seconds:.4g}", ratio]
    return f"| {' | '.join([row.what, str(row.tasks), name, *figures, row.notes.get(name, '')])} |"
