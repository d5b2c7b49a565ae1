"""One service's turn at a kind of load, and what all turns gave."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from random import Random
from timeit import timeit
from typing import Any

from benchmarks.inner_loop.peak import SquareProduct
from benchmarks.load.clients import Answered, Next, ask_all, load
from benchmarks.load.requests import Request, pictures
from benchmarks.load.services import Service

STEPS = {"omniglot": 10, "photo": None}  # None: the default
PRODUCTS = 20


class Phase(StrEnum):
    """Kinds of load."""

    ADAPT = "adapt"
    ONE_MODEL = "predict, one model"
    MANY_MODELS = "predict, many models"
    LONE_ADAPT = "a lone client adapts"
    LONE_PREDICT = "a lone client predicts"


LONE = (Phase.LONE_ADAPT, Phase.LONE_PREDICT)


@dataclass(frozen=True)
class Tenants:
    """A service's clients, with all they will ask."""

    service: Service
    adapt: Sequence[Request]
    """One for each tenant."""
    predict: Sequence[Sequence[Request]]
    """For each tenant one for each of its models."""

    @property
    def name(self) -> str:
        """The service's."""
        return self.service.name

    def load(self, phase: Phase, seconds: float) -> Answered:
        """The service's turn."""
        clients = self._clients(phase)
        return load(self.service.url, clients[:1] if phase in LONE else clients, seconds)

    def _clients(self, phase: Phase) -> list[Next]:
        if phase in (Phase.ADAPT, Phase.LONE_ADAPT):
            return [partial(_same, request) for request in self.adapt]
        if phase in (Phase.ONE_MODEL, Phase.LONE_PREDICT):
            return [partial(_same, self.predict[0][0])] * len(self.predict)  # of one tenant
        return [partial(Random(number).choice, own) for number, own in enumerate(self.predict)]  # noqa: S311


@dataclass
class Measured:
    """What each turn of each service gave, by phase, and the machine's rate of matrix products between the rounds."""

    turns: dict[Phase, dict[str, list[Answered]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    peaks: list[float] = field(default_factory=list)
    """GFLOP/s on all cores."""

    def add(self, phase: Phase, service: str, answered: Answered) -> None:
        """One turn."""
        self.turns[phase][service].append(answered)

    def measure_peak(self) -> None:
        """Once more."""
        product = SquareProduct()
        product.run(2)
        self.peaks.append(product.flops * PRODUCTS / timeit(lambda: product.run(PRODUCTS), number=1) / 1e9)

    def as_json(self) -> dict[str, Any]:
        """Rates, latencies and refusals of every turn."""
        return {
            "peak_gflops": self.peaks,
            "turns": {
                phase: {service: [_as_json(turn) for turn in turns] for service, turns in services.items()}
                for phase, services in self.turns.items()
            },
        }


def prepare(service: Service, checkpoint: str, models: int) -> Tenants:
    """Makes the models to predict with, of no steps, and the requests."""
    own = pictures(checkpoint)
    sets = [own.shuffled(number) for number in range(len(service.tenants))]
    adapt = [
        dialect.adapt(each.support, STEPS[checkpoint]) for dialect, each in zip(service.tenants, sets, strict=True)
    ]
    owners = [number % len(service.tenants) for number in range(models)]
    quick = [service.tenants[owner].adapt(sets[owner].one_of_each, 0) for owner in owners]
    answers = ask_all(service.url, quick, at_once=8)
    predict: list[list[Request]] = [[] for _ in service.tenants]
    for number, (owner, answer) in enumerate(zip(owners, answers, strict=True)):
        query = own.queries[number % len(own.queries)]
        predict[owner].append(service.tenants[owner].predict(answer["id"], query))
    return Tenants(service, adapt, predict)


def _same(request: Request) -> Request:
    return request


def _as_json(turn: Answered) -> dict[str, Any]:
    return {
        "rate": turn.rate,
        "refused": turn.refused,
        "p50_ms": turn.percentile(50),
        "p99_ms": turn.percentile(99),
    }
