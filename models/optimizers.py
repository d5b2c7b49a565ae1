"""Inner optimizers: they step T tasks at once, in place, each task at its own learning rate.

Their state outlives a task: it is part of a meta-initialization (see `Adam`).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from models.kernels import compilation
from models.kernels.adam import adam
from models.parameters import Parameters


class Optimizer(Protocol):
    """The rule for one inner step."""

    def step(
        self, parameters: Parameters, gradients: Parameters, moments: Parameters, rates: Tensor, count: int
    ) -> None:
        """Step `parameters` and `moments`, both stacked, in place; `rates` [T] are the learning rates.

        `count` is how many steps the moments have seen.
        """


def _rates_like(rates: Tensor, tensor: Tensor) -> Tensor:
    return rates.view(-1, *(1,) * (tensor.dim() - 1))


@dataclass(frozen=True)
class SGD:
    """φ ← φ − α·g."""

    def step(
        self, parameters: Parameters, gradients: Parameters, moments: Parameters, rates: Tensor, count: int
    ) -> None:
        for name, gradient in gradients.items():
            parameters[name].sub_(gradient * _rates_like(rates, gradient))


@dataclass(frozen=True)
class Adam:
    """Adam with β₁ = 0 whose second moment v is carried from task to task (Nichol et al. 2018, section 6 and code).

    v ← β₂·v + (1 − β₂)·g²,    φ ← φ − α·c·clamp(g / (√v + ε), ±max_step / c),    c = √(1 − β₂^(count + 1)).

    With a fresh v the first step is α·sign(g); a carried v gives each weight the scale its gradients had in training.
    """

    beta2: float = 0.999
    epsilon: float = 1e-8
    max_step: float | None = None
    """The most that a weight moves in a step, in learning rates. Without it a step is as long as 1/√(1 − β₂) = 32 of
    them, where a task's gradients are far larger than those that v has seen."""

    factors: Mapping[str, float] = field(default_factory=dict)
    """Factors of the learning rate, by the first part of the parameters' names; 1 where not named."""

    def step(
        self, parameters: Parameters, gradients: Parameters, moments: Parameters, rates: Tensor, count: int
    ) -> None:
        correction = (1 - self.beta2 ** (count + 1)) ** 0.5
        step = self._compiled_step if compilation.supports(rates.device) else self._plain_step
        step(parameters, gradients, moments, rates, correction)

    def _compiled_step(
        self, parameters: Parameters, gradients: Parameters, moments: Parameters, rates: Tensor, correction: float
    ) -> None:
        contiguous = {name: gradient.contiguous() for name, gradient in gradients.items()}
        g, phi, v = (  # views, as steps of copies would be lost
            tuple(group[name].view(len(rates), -1).numpy() for name in gradients)
            for group in (contiguous, parameters, moments)
        )
        factors = np.array([self._factor(name) for name in gradients])
        max_step = math.inf if self.max_step is None else self.max_step
        adam(g, rates.numpy(), factors, correction, self.beta2, self.epsilon, max_step, phi, v)

    def _plain_step(
        self, parameters: Parameters, gradients: Parameters, moments: Parameters, rates: Tensor, correction: float
    ) -> None:
        names = list(gradients)
        phi, g, v = ([group[name] for name in names] for group in (parameters, gradients, moments))
        torch._foreach_mul_(v, self.beta2)
        torch._foreach_addcmul_(v, g, g, value=1 - self.beta2)
        denominator = torch._foreach_sqrt(v)
        torch._foreach_add_(denominator, self.epsilon)
        update = torch._foreach_div(g, denominator)
        if self.max_step is not None:
            torch._foreach_clamp_max_(update, self.max_step / correction)
            torch._foreach_clamp_min_(update, -self.max_step / correction)
        rates = rates * correction
        torch._foreach_mul_(update, [_rates_like(rates * self._factor(name), parameters[name]) for name in names])
        torch._foreach_sub_(phi, update)

    def _factor(self, name: str) -> float:
        """Return the factor of a parameter's learning rate."""
        return self.factors.get(name.split(".")[0], 1.0)
