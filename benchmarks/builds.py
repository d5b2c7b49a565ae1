"""Whether this build is slower than another: both run as `kshot serve` and take turns (A B A B).

    git clone . ../kshot-before && git -C ../kshot-before checkout COMMIT && make -C ../kshot-before install
    python -m benchmarks.builds ../kshot-before --json builds.json      # 8 rounds, some 55 minutes
    python -m benchmarks.builds ../kshot-before --rounds 20 --kinds "drawings: predict"

Of latencies p50 is compared, of loads the good answers a second. A ratio above 1 says that this build is slower. Each
round starts both servers anew, as two starts of one build differ by several per cent, and gives a ratio; the table has
their geometric mean and its 95 % interval (Student's t over the rounds). With --json each turn is written as it ends,
and a run that is started again goes on after it.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import typer
from scipy import stats
from tqdm import tqdm

from benchmarks.journal import Journal
from benchmarks.load.clients import arrive, ask_all, load
from benchmarks.load.requests import Form, Request, pictures
from benchmarks.machine import describe_machine
from benchmarks.server import running_server

CLIENTS, FLOODERS = 32, 16
SEVERAL = 2
TIMES = 4  # what overload asks of what a server can do
TOO_MANY = 10**6  # steps, which are refused
PATIENCE = "60"  # seconds in the queue, as a slow machine needs for photos of 32 clients

Cost: TypeAlias = Callable[[str], float]
"""What a turn at a server's URL gives: milliseconds, or seconds an answer. Less is better."""


def main(
    other: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="A checkout with a .venv of its own.")],
    rounds: Annotated[int, typer.Option(min=2, help="Starts and turns of each build.")] = 8,
    seconds: Annotated[float, typer.Option(min=1, help="Of a turn.")] = 4,
    kinds: Annotated[list[str] | None, typer.Option(help="Kinds of work, by how they begin; all if none.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="File for the costs of every turn.")] = None,
) -> None:
    """Compare two builds."""
    typer.echo(f"{describe_machine()}; {rounds} rounds of {seconds:g} s\n")
    chosen = {name: make for name, make in KINDS.items() if not kinds or name.startswith(tuple(kinds))}
    journal = Journal.open(out, {"machine": describe_machine(), "other": str(other), "seconds": seconds})
    with tqdm(total=rounds * len(chosen), unit="turn", leave=False) as bar:
        for number in range(rounds):
            missing = [name for name in chosen if not journal.find({"kind": name, "round": number})]
            bar.update(len(chosen) - len(missing))
            with ExitStack() as stack:
                urls = [stack.enter_context(running_server(checkout=each)) for each in (None, other) if missing]
                for name in missing:
                    bar.set_description(name)
                    turn = _turn([chosen[name](url, seconds) for url in urls], urls, number)
                    journal.write({"kind": name, "round": number}, {"costs": turn})
                    bar.update()
    typer.echo("| this build / the other | ratio | 95 % interval | this | other |\n|---|---|---|---|---|")
    for name in chosen:
        typer.echo(_row(name, [tuple(each["costs"]) for each in journal.rows if each["kind"] == name]))


def _turn(costs: Sequence[Cost], urls: Sequence[str], number: int) -> tuple[float, ...]:
    """This build's cost and the other's, after a first time that doesn't count; who is first alternates."""
    order = range(len(urls)) if number % 2 == 0 else reversed(range(len(urls)))
    found = {}
    for place in order:
        costs[place](urls[place])
        found[place] = costs[place](urls[place])
    return tuple(found[place] for place in range(len(urls)))


def compare(turns: Sequence[tuple[float, ...]]) -> tuple[float, float, float]:
    """Mean ratio of this build's cost to the other's over the rounds, between the ends of its 95 % interval."""
    logs = np.log([ours / theirs for ours, theirs in turns])
    half = stats.t.ppf(0.975, len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs))
    low, middle, high = np.exp([logs.mean() - half, logs.mean(), logs.mean() + half])
    return low, middle, high


def _row(name: str, turns: Sequence[tuple[float, ...]]) -> str:
    low, middle, high = compare(turns)
    ours, theirs = np.median(turns, axis=0)
    return f"| {name} | {middle:.3f} | {low:.3f} to {high:.3f} | {ours:.4g} | {theirs:.4g} |"


def _lone(request: Request, seconds: float) -> Cost:
    """p50 ms of one client."""
    return lambda url: load(url, [lambda: request], seconds).percentile(50)


def _many(request: Request, seconds: float) -> Cost:
    """ms an answer of many clients."""
    return lambda url: 1e3 / load(url, [lambda: request] * CLIENTS, seconds).rate


def _many_slowly(request: Request, _: float) -> Cost:
    """ms an answer of many clients, each asking SEVERAL times: of what takes so long that a turn may see no answer."""

    def cost(url: str) -> float:
        begin = time.perf_counter()
        answers = ask_all(url, [request] * CLIENTS * SEVERAL, at_once=CLIENTS)
        return 1e3 * (time.perf_counter() - begin) / len(answers)

    return cost


def _adapt(checkpoint: str, way: Callable[[Request, float], Cost], _: str, seconds: float) -> Cost:
    return way(Form(checkpoint).adapt(pictures(checkpoint).support, None), seconds)


def _adapt_to_one_of_each(checkpoint: str, _: str, seconds: float) -> Cost:
    return _lone(Form(checkpoint).adapt(pictures(checkpoint).one_of_each, None), seconds)


def _predict(checkpoint: str, way: Callable[[Request, float], Cost], url: str, seconds: float) -> Cost:
    own, form = pictures(checkpoint), Form(checkpoint)
    (model,) = ask_all(url, [form.adapt(own.support, None)], at_once=1)
    return way(form.predict(model["id"], own.queries[0]), seconds)


def _flooded(url: str, seconds: float) -> Cost:
    """p50 ms of a client that predicts while others send what is refused, as fast as they can."""
    own, form = pictures("omniglot"), Form("omniglot")
    (model,) = ask_all(url, [form.adapt(own.support, 0)], at_once=1)
    good, nonsense = form.predict(model["id"], own.queries[0]), form.adapt(own.support, TOO_MANY)
    clients = [lambda: good, *[lambda: nonsense] * FLOODERS]
    return lambda url: load(url, clients, seconds).percentile(50)


def _overloaded(url: str, seconds: float) -> Cost:
    """ms an answer, of those that are good, while several times what can be done is asked for."""
    request = Form("omniglot").adapt(pictures("omniglot").support, 10)
    rate = TIMES * load(url, [lambda: request] * CLIENTS, seconds).rate
    return lambda url: 1e3 / arrive(url, request, rate, seconds).rate


KINDS: dict[str, Callable[[str, float], Cost]] = {
    "drawings: adapt, p50 ms": partial(_adapt, "omniglot", _lone),
    "drawings: predict, p50 ms": partial(_predict, "omniglot", _lone),
    "photos: adapt to 25, p50 ms": partial(_adapt, "photo", _lone),
    "photos: adapt to 5, p50 ms": partial(_adapt_to_one_of_each, "photo"),
    "photos: predict, p50 ms": partial(_predict, "photo", _lone),
    "drawings: 32 clients adapt, ms an answer": partial(_adapt, "omniglot", _many),
    "drawings: 32 clients predict, ms an answer": partial(_predict, "omniglot", _many),
    "photos: 32 clients adapt, ms an answer": partial(_adapt, "photo", _many_slowly),
    "photos: 32 clients predict, ms an answer": partial(_predict, "photo", _many),
    "drawings: overloaded, ms a good answer": _overloaded,
    "drawings: predict in a flood, p50 ms": _flooded,
}


if __name__ == "__main__":
    typer.run(main)
