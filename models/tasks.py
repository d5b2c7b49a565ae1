"""Tasks of different N, K and k side by side: padded to one shape, with masks that leave the padding out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import one_hot

PADDING = -1  # label of an example that is not there


@dataclass(frozen=True)
class Support:
    """One task's labelled examples, encoded, and how to adapt to them.

    features [S, ...]; labels [S], int64 in 0..ways − 1, or all 0 where `targets` [S, ways] are numbers to estimate;
    `steps` is k; `learning_rate` the inner optimizer's;
    `initialization` the shares of a mixture's initializations by name, None where the examples decide; `by_frequency`
    says that new examples will be of the classes in the shares that these are.
    """

    features: Tensor
    labels: Tensor
    ways: int
    steps: int
    learning_rate: float
    initialization: Mapping[str, float] | None = None
    by_frequency: bool = False
    targets: Tensor | None = None


@dataclass(frozen=True)
class FeatureSet:
    """One task's support set as its head sees it: features [S, F] on the device that computes, the rest on the host.

    labels [S]; groups [S], for each example the place of the first one that it is a near copy of, or its own.
    """

    features: Tensor
    labels: Tensor
    ways: int
    groups: Tensor

    @classmethod
    def without_copies(cls, features: Tensor, labels: Tensor, ways: int) -> "FeatureSet":
        """Return one in which every example tells something new."""
        return cls(features, labels, ways, torch.arange(len(labels)))


@dataclass(frozen=True)
class TaskBatch:
    """T tasks as one: x [T, B, ...], labels [T, B] (PADDING where no example is), ways [T], the N of each task.

    `by_class` makes classes count alike, rather than examples: in the loss, and in the statistics of batch norm.
    `targets` [T, B, N] are numbers to estimate, instead of labels.
    """

    x: Tensor
    labels: Tensor
    ways: Tensor
    by_class: bool = False
    targets: Tensor | None = None

    @classmethod
    def unlabelled(cls, queries: Sequence[Tensor], ways: Sequence[int]) -> "TaskBatch":
        """Return T tasks' encoded queries [Q, ...] as one batch, whose labels say no more than what is padding."""
        device = queries[0].device
        labels = [torch.zeros(len(query), dtype=torch.long, device=device) for query in queries]
        return cls(pad_stack(queries), pad_stack(labels, PADDING), torch.tensor(ways, device=device))

    @cached_property
    def weights(self) -> Tensor | None:
        """What an example counts [T, B]: 0 for padding, and 1 on a task's average; None where all count alike."""
        weights = class_weights(self.labels, int(self.ways.max())) if self.by_class else (self.labels != PADDING)
        return None if bool((weights == 1).all()) else weights.to(self.x.dtype)

    @cached_property
    def absent(self) -> Tensor | None:
        """True for classes a task does not have [T, 1, N]; None where all tasks have all classes."""
        most = int(self.ways.max())
        if bool((self.ways == most).all()):
            return None
        return (torch.arange(most, device=self.ways.device) >= self.ways[:, None]).unsqueeze(1)

    def to(self, device: torch.device) -> "TaskBatch":
        """Return the same on another device."""
        targets = None if self.targets is None else self.targets.to(device)
        return TaskBatch(self.x.to(device), self.labels.to(device), self.ways.to(device), self.by_class, targets)

    def take(self, indices: Tensor) -> "TaskBatch":
        """Return the examples at `indices` [T, B'] of each task, which count alike."""
        tasks = torch.arange(len(indices), device=indices.device).unsqueeze(1)
        targets = None if self.targets is None else self.targets[tasks, indices]
        return replace(
            self, x=self.x[tasks, indices], labels=self.labels[tasks, indices], by_class=False, targets=targets
        )


@dataclass(frozen=True)
class HeldOutBatch:
    """T tasks with the examples that their heads are made of, and others of the same classes that the loss is on."""

    support: TaskBatch
    query: TaskBatch


def class_sizes(labels: Tensor, ways: int) -> Tensor:
    """Return how many examples each class has [T, N], from labels [T, B], negative for padding."""
    return one_hot(labels.clamp_min(-1) + 1, ways + 1)[..., 1:].sum(dim=1)


def class_weights(labels: Tensor, ways: int) -> Tensor:
    """Return what each example counts [T, B] where classes count alike: 0 for padding, and 1 on a task's average."""
    sizes = class_sizes(labels, ways)
    present = (sizes > 0).sum(dim=1, keepdim=True)
    shares = sizes.sum(dim=1, keepdim=True) / (present * sizes).clamp_min(1)
    return shares.gather(1, labels.clamp_min(0)) * (labels >= 0)


def log_shares(labels: Tensor, ways: int) -> Tensor:
    """Return the logarithms of the classes' shares of examples [N], from labels [S].

    Added to logits, they make a classifier for classes that come alike one for classes that come in these shares
    (logit adjustment, Menon et al. 2021).
    """
    return (torch.bincount(labels, minlength=ways) / len(labels)).log()


def pad_to(tensor: Tensor, length: int, value: float = 0) -> Tensor:
    """Lengthen the first axis to `length`, filled with `value`."""
    missing = length - len(tensor)
    return torch.cat([tensor, tensor.new_full((missing, *tensor.shape[1:]), value)]) if missing else tensor


def pad_stack(tensors: Sequence[Tensor], value: float = 0) -> Tensor:
    """Stack tensors whose first axes differ: [T, longest, ...], filled with `value`."""
    longest = max(len(tensor) for tensor in tensors)
    return torch.stack([pad_to(tensor, longest, value) for tensor in tensors])


def collate(supports: Sequence[Support]) -> TaskBatch:
    """Return support sets of any sizes as one batch of tasks, whose classes count alike."""
    first = supports[0].features
    targets = [support.targets.to(first.device) for support in supports if support.targets is not None]
    return TaskBatch(
        x=pad_stack([support.features for support in supports]),
        labels=pad_stack([support.labels.to(first.device) for support in supports], PADDING),
        ways=torch.tensor([support.ways for support in supports], device=first.device),
        by_class=True,
        targets=pad_stack(targets) if targets else None,
    )
