"""How long a client waits while others send requests that are refused, as fast as they can.

    python -m benchmarks.flood                                # half a minute

Each of the others asks again as soon as it is told that it asked for too many steps. The server is `kshot serve`, on
the loopback.
"""

from collections.abc import Sequence
from typing import Annotated

import typer

from benchmarks.load.clients import ask_all, load
from benchmarks.load.requests import Form, Request, pictures
from benchmarks.machine import describe_machine
from benchmarks.server import running_server

STEPS, TOO_MANY = 10, 10**6
FLOODERS = (0, 1, 4, 16)


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Turns of each.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="Of a turn.")] = 3,
) -> None:
    """Flood a running service."""
    typer.echo(f"{describe_machine()}; {rounds} rounds of {seconds:g} s\n")
    form, own = Form("omniglot"), pictures("omniglot")
    adapt, nonsense = (form.adapt(own.support, steps) for steps in (STEPS, TOO_MANY))
    with running_server() as url:
        (model,) = ask_all(url, [adapt], at_once=1)
        asked = {"adapt": adapt, "predict": form.predict(model["id"], own.queries[0])}
        found: dict[tuple[str, int], list[Sequence[float]]] = {}
        for _ in range(rounds):
            for kind, good in asked.items():
                for flooders in FLOODERS:
                    found.setdefault((kind, flooders), []).append(_turn(url, good, nonsense, flooders, seconds))
    _report(found)


def _turn(url: str, good: Request, nonsense: Request, flooders: int, seconds: float) -> Sequence[float]:
    """Refusals a second, and the good client's p50 and longest ms."""
    answered = load(url, [lambda: good, *[lambda: nonsense] * flooders], seconds)
    return answered.refused / seconds, answered.percentile(50), max(answered.good, default=float("nan"))


def _report(found: dict[tuple[str, int], list[Sequence[float]]]) -> None:
    typer.echo("| | others | refusals a second | p50 ms | longest ms |\n|---|---|---|---|---|")
    for (kind, flooders), turns in found.items():
        refused, middle, longest = zip(*turns, strict=True)
        spread = f"{sorted(middle)[len(middle) // 2]:.0f} ({min(middle):.0f} to {max(middle):.0f})"
        typer.echo(f"| {kind} | {flooders} | {sum(refused) / len(refused):.0f} | {spread} | {max(longest):.0f} |")


if __name__ == "__main__":
    typer.run(main)
