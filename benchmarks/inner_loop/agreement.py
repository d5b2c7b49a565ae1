"""Check that all contenders take the same steps, before their speed is compared."""

from collections.abc import Callable, Mapping

import torch

from benchmarks.inner_loop.contenders import CONTENDERS, OURS, Contender, Name
from benchmarks.inner_loop.problem import RATE, Problem
from models.networks.conv4.network import Conv4
from models.parameters import Parameters, stack

TASKS, STEPS = 2, 4
TOLERANCE = 1e-7


class DisagreementError(Exception):
    """A contender's weights are not those of the others."""


def check(network: Conv4, contenders: Mapping[Name, Callable[[Problem], Contender]] = CONTENDERS) -> float:
    """Return the largest difference between a weight and ours after four steps of two tasks.

    Precision is double and epsilon small: the first steps of Adam are the sign of a gradient, and rounding changes that
    sign where the gradient is about 0.

    Raises:
        DisagreementError: a weight differs by more than 1e-7, or none has moved.
    """
    problem = Problem(network, TASKS, torch.double, epsilon=1e-14)
    start = stack(problem.initialization().parameters, TASKS)
    ours = _adapted(contenders[OURS](problem))
    if not _difference(start, ours) > RATE:
        raise DisagreementError(f"{OURS} has not moved after {STEPS} steps")
    differences = {name: _difference(ours, _adapted(make(problem))) for name, make in contenders.items()}
    for name, difference in differences.items():
        if not difference <= TOLERANCE:  # so NaN is refused
            raise DisagreementError(f"after {STEPS} steps a weight of {name} is {difference:.1e} from that of {OURS}")
    return max(differences.values())


def _adapted(contender: Contender) -> Parameters:
    contender.run(STEPS)
    return contender.weights()


def _difference(one: Parameters, other: Parameters) -> float:
    if one.keys() != other.keys():
        raise DisagreementError(f"different parameters: {sorted(one)} and {sorted(other)}")
    largest = [(tensor - other[name]).abs().max() for name, tensor in one.items()]
    return float(torch.stack(largest).max())
