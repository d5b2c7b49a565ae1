"""Ways to take the same inner steps for T tasks. Each copies theta once, so that a turn measures steps alone."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap
from torch.nn.functional import cross_entropy

from benchmarks.inner_loop.problem import RATE, Problem
from benchmarks.inner_loop.textbook import from_textbook, images, textbook, to_textbook
from models.inner_loop import inner_loop
from models.parameters import Parameters, gather, stack, unstack

BETA2 = 0.999


class Contender(Protocol):
    """T tasks that take inner steps."""

    def run(self, steps: int) -> None:
        """Take `steps` inner steps in every task; v continues from the last run."""

    def weights(self) -> Parameters:
        """Return the tasks' parameters, stacked, with the names and layouts of `models`."""


class Ours:
    """`models.inner_loop`, all tasks at once."""

    def __init__(self, problem: Problem) -> None:
        self.architecture, self.batches = problem.architecture, problem.batches()
        self.parameters, self.moments = self.architecture.start(problem.initialization(), self.batches[0])
        self.gradient = self.architecture.gradient(problem.device)
        self.rates, self.count = torch.full((problem.tasks,), RATE, device=problem.device), 0

    def run(self, steps: int) -> None:
        batches = [(self.batches[step % len(self.batches)], self.rates) for step in range(steps)]
        optimizer = self.architecture.optimizer
        inner_loop(self.gradient, self.parameters, self.moments, batches, optimizer, self.count)
        self.count += steps

    def weights(self) -> Parameters:
        return self.parameters


class ModulePerTask:
    """A torch.nn module and a torch.optim.Adam for each task, one task after another."""

    def __init__(self, problem: Problem, memory_format: torch.memory_format, fused: bool | None = None) -> None:
        self.network = problem.network
        theta = to_textbook(self.network, problem.initialization().parameters)
        self.modules = [self._module(theta, problem, memory_format) for _ in range(problem.tasks)]
        adam = partial(torch.optim.Adam, lr=RATE, betas=(0.0, BETA2), eps=problem.epsilon, fused=fused)
        self.optimizers = [adam(module.parameters()) for module in self.modules]
        self.batches = _batches_of_tasks(problem, memory_format)

    def _module(self, theta: Parameters, problem: Problem, memory_format: torch.memory_format) -> nn.Module:
        module = textbook(self.network).to(problem.device, problem.dtype)
        module.load_state_dict(theta)
        return module.to(memory_format=memory_format)  # type: ignore[call-overload, no-any-return]

    def run(self, steps: int) -> None:
        for module, optimizer, batches in zip(self.modules, self.optimizers, self.batches, strict=True):
            for step in range(steps):
                x, labels = batches[step % len(batches)]
                optimizer.zero_grad()
                cross_entropy(module(x), labels).backward()  # type: ignore[no-untyped-call]
                optimizer.step()

    def weights(self) -> Parameters:
        return gather([_weights(self.network, module) for module in self.modules])


class Vmap:
    """`torch.func`: vmap over tasks of the gradient of a functional call, and Adam on the stacked parameters."""

    def __init__(self, problem: Problem) -> None:
        self.network, self.epsilon, self.count = problem.network, problem.epsilon, 0
        self.parameters = stack(to_textbook(self.network, problem.initialization().parameters), problem.tasks)
        self.moments = {name: torch.zeros_like(tensor) for name, tensor in self.parameters.items()}
        self.batches = [(images(batch.x), batch.labels) for batch in problem.batches()]
        self.gradients = vmap(grad(partial(self._loss, textbook(self.network))))

    @staticmethod
    def _loss(module: nn.Module, parameters: Parameters, x: Tensor, labels: Tensor) -> Tensor:
        return cross_entropy(functional_call(module, parameters, (x,)), labels)

    def run(self, steps: int) -> None:
        for step in range(steps):
            gradients = self.gradients(self.parameters, *self.batches[step % len(self.batches)])
            self.count += 1
            updates = _adam(list(gradients.values()), list(self.moments.values()), self.count, self.epsilon)
            torch._foreach_add_(list(self.parameters.values()), updates)

    def weights(self) -> Parameters:
        return gather([from_textbook(self.network, task) for task in unstack(self.parameters)])


class Learn2Learn:
    """learn2learn's `clone_module` and `update_module`, one task after another.

    Its own algorithms take steps of SGD; these two are what they are made of.
    """

    def __init__(self, problem: Problem) -> None:
        self.learn2learn: Any = import_module("learn2learn")
        self.network, self.epsilon, self.count = problem.network, problem.epsilon, 0
        self.theta = textbook(self.network).to(problem.dtype)
        self.theta.load_state_dict(to_textbook(self.network, problem.initialization().parameters))
        self.moments = [[torch.zeros_like(p) for p in self.theta.parameters()] for _ in range(problem.tasks)]
        self.batches = _batches_of_tasks(problem, torch.contiguous_format)
        self.clones: list[nn.Module] = []

    def run(self, steps: int) -> None:
        self.clones = [self._adapt(*task, steps) for task in zip(self.moments, self.batches, strict=True)]
        self.count += steps

    def _adapt(self, moments: list[Tensor], batches: list[tuple[Tensor, Tensor]], steps: int) -> nn.Module:
        clone: nn.Module = self.learn2learn.clone_module(self.theta)
        for step in range(steps):
            x, labels = batches[step % len(batches)]
            gradients = torch.autograd.grad(cross_entropy(clone(x), labels), list(clone.parameters()))
            updates = _adam(list(gradients), moments, self.count + step + 1, self.epsilon)
            clone = self.learn2learn.update_module(clone, updates)
        return clone

    def weights(self) -> Parameters:
        return gather([_weights(self.network, clone) for clone in self.clones])


class Name(NamedTuple):
    """A contender's method and, where it is tried in several, the memory format of its images."""

    method: str
    memory_format: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, self))


OURS = Name("kshot")
CONTENDERS: dict[Name, Callable[[Problem], Contender]] = {
    OURS: Ours,
    Name("module + Adam", "NCHW"): partial(ModulePerTask, memory_format=torch.contiguous_format),
    Name("module + Adam", "channels_last"): partial(ModulePerTask, memory_format=torch.channels_last),
    Name("module + fused Adam", "NCHW"): partial(ModulePerTask, memory_format=torch.contiguous_format, fused=True),
    Name("module + fused Adam", "channels_last"): partial(ModulePerTask, memory_format=torch.channels_last, fused=True),
    Name("torch.func vmap"): Vmap,
}
if find_spec("learn2learn"):
    CONTENDERS[Name("learn2learn")] = Learn2Learn


def _batches_of_tasks(problem: Problem, memory_format: torch.memory_format) -> list[list[tuple[Tensor, Tensor]]]:
    """Each task's batches: x [B, C, H, W] and labels [B]."""
    batches = [(images(batch.x), batch.labels) for batch in problem.batches()]
    return [
        [(x[task].contiguous(memory_format=memory_format), labels[task]) for x, labels in batches]
        for task in range(problem.tasks)
    ]


def _weights(network: Any, module: nn.Module) -> Parameters:
    return from_textbook(network, {name: p.detach().contiguous() for name, p in module.named_parameters()})


@torch.no_grad()
def _adam(gradients: list[Tensor], moments: list[Tensor], count: int, epsilon: float) -> list[Tensor]:
    """Steps `moments` in place; returns what to add to the parameters. As torch.optim.Adam with β₁ = 0."""
    torch._foreach_mul_(moments, BETA2)
    torch._foreach_addcmul_(moments, gradients, gradients, 1 - BETA2)
    denominators = torch._foreach_sqrt(moments)
    torch._foreach_div_(denominators, (1 - BETA2**count) ** 0.5)
    torch._foreach_add_(denominators, epsilon)
    updates = torch._foreach_div(gradients, denominators)
    torch._foreach_mul_(updates, -RATE)
    return list(updates)
