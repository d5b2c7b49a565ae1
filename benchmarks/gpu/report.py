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
    """Return each contender's best rate over all T, beside the first one's, in a line for each thing measured."""
    lines = []
    for what in dict.fromkeys(row.what for row in rows):
        own = [row for row in rows if row.what == what]
        rates = {
            name: max((row.tasks / row.seconds[name] for row in own if name in row.seconds), default=None)
            for name in own[0].contenders
        }
        first, *others = ((name, rate) for name, rate in rates.items() if rate is not None)
        said = [f"{name} {rate:.4g} ({rate / first[1]:.3g} ×)" for name, rate in others]
        lines.append(f"- {what}, a second at best: " + ", ".join([f"{first[0]} {first[1]:.4g}", *said]))
    return "\n".join(lines)


def _line(row: Row, name: str) -> str:
    seconds, first = row.seconds.get(name), row.seconds.get(row.contenders[0])
    figures = [NOT_RUN, "", ""]
    if seconds is not None:
        ratio = "" if first is None else f"{first / seconds:.3g}"
        figures = [f"{row.tasks / seconds:.4g}", f"{1e3 * seconds:.4g}", ratio]
    return f"| {' | '.join([row.what, str(row.tasks), name, *figures, row.notes.get(name, '')])} |"
