"""A mixture of meta-initializations: a support set starts between them, by what its examples look like.

The first is theta; each other is a change from it, learned on domains of its own. The blend is a sum of the changes
times the support set's weights, as in FLUTE, whose blender reads the weights off the support set too (Triantafillou et
al. 2021); that a task is recognised before it is adapted to is multimodal meta-learning's idea (Vuorio et al. 2019).
Here it is recognised by its nearest neighbours in a bank of training examples, so that one more initialization changes
none of the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator
from torch import Tensor
from torch.nn.functional import one_hot

from models.encoders.interface import HALF, Weight
from models.errors import SupportError
from models.parameters import Parameters, move

FIRST = "imagenet"
"""Name of theta among the initializations."""
WEIGHTS = "mixture.weights"
"""Name of the weights among an adapted model's tensors."""
CHANGES, SCALES, SUMMARIES, OWNERS = "changes.", "scales.", "bank.summaries", "bank.owners"
LARGEST = 127  # of an int8
ROUNDING = 1e-6  # of a sum of shares


class MixtureSpec(BaseModel):
    """What a checkpoint says of its mixture."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: str = Field(default=FIRST, description="name of theta")
    names: tuple[str, ...] = Field(description="of the other initializations")
    pictures: PositiveInt = Field(description="examples in the bank")
    neighbours: PositiveInt = Field(default=8, description="of an example in the bank, whose owners are its shares")

    @model_validator(mode="after")
    def _names_differ(self) -> "MixtureSpec":
        if len({self.first, *self.names}) != 1 + len(self.names):
            raise ValueError(f"initializations of one name: {self.first}, {', '.join(self.names)}")
        return self

    def check(self, shares: Mapping[str, float]) -> None:
        """Raise SupportError for a name that is none of the initializations', and for shares that cannot be."""
        unknown = [name for name in shares if name not in (self.first, *self.names)]
        if unknown:
            there = ", ".join((self.first, *self.names))
            raise SupportError(f"There is no initialization {unknown[0]!r:.60}. There are {there}.")
        if not all(share >= 0 for share in shares.values()) or sum(shares.values()) > 1 + ROUNDING:
            raise SupportError("The shares of initializations have to be 0 or more, and 1 at most in all.")

    def named(self, weights: Sequence[float]) -> dict[str, float]:
        """Return the shares of all initializations by name, the first one's being what the weights leave of 1."""
        return {self.first: max(0.0, 1 - sum(weights)), **dict(zip(self.names, weights, strict=True))}


@dataclass(frozen=True)
class Mixture:
    """M initializations beside theta, and the bank that tells which of them a support set is like."""

    names: tuple[str, ...]
    changes: Parameters
    """From theta, stacked: [M, ...]."""
    bank: Tensor
    """Summaries of training examples [B, C], as the network summarizes them."""
    owners: Tensor
    """Places in `names` [B], int64: of the initialization that each example is for."""

    def to(self, device: torch.device) -> "Mixture":
        """Return the same on another device."""
        return Mixture(self.names, move(self.changes, device), self.bank.to(device), self.owners.to(device))

    def shares(self, summaries: Tensor, labels: Tensor, neighbours: int) -> Tensor:
        """Return the weights [M] for a support set's summaries [S, C]: what share of their neighbours is whose.

        A class counts as much as any other, however many of the examples are its. In half precision, as the weights are
        kept with a model.
        """
        near = (summaries @ self.bank.T).topk(min(neighbours, len(self.bank)), dim=1).indices
        own = one_hot(self.owners[near], len(self.names)).float().mean(dim=1)
        per_class = 1 / torch.bincount(labels).to(own)[labels]
        return ((own * per_class[:, None]).sum(dim=0) / per_class.sum()).half().float()

    def chosen(self, shares: Mapping[str, float]) -> Tensor:
        """Return the weights [M] that a request chose by name; what they leave of 1 is the first initialization's."""
        return torch.tensor([shares.get(name, 0.0) for name in self.names], device=self.owners.device).half().float()

    def start(self, theta: Parameters, weights: Tensor) -> Parameters:
        """Return where T tasks start, stacked [T, ...]: theta, and its changes by the tasks' weights [T, M]."""
        return {name: _moved(start, self.changes[name], weights) for name, start in theta.items()}

    def tensors(self) -> Parameters:
        """Return it as a checkpoint keeps it: changes in 8 bits with a scale each, the bank in half precision."""
        kept = {SUMMARIES: self.bank.to(HALF), OWNERS: self.owners.to(torch.uint8)}
        for name, change in self.changes.items():
            scales = change.abs().flatten(start_dim=1).amax(dim=1) / LARGEST
            smallest = torch.finfo(scales.dtype).tiny
            whole = (change / _rows_like(scales.clamp_min(smallest), change)).round().to(torch.int8)
            kept |= {CHANGES + name: whole, SCALES + name: scales}
        return kept


def from_tensors(names: tuple[str, ...], kept: Parameters) -> Mixture:
    """Return what `Mixture.tensors` gave, each number at most half a step of its scale from what it was."""
    whole = {key.removeprefix(CHANGES): tensor for key, tensor in kept.items() if key.startswith(CHANGES)}
    changes = {name: tensor * _rows_like(kept[SCALES + name], tensor) for name, tensor in whole.items()}
    return Mixture(names, changes, kept[SUMMARIES].float(), kept[OWNERS].long())


def kept_weights(spec: MixtureSpec, theta: Mapping[str, tuple[int, ...]], summary: int) -> dict[str, Weight]:
    """Name the tensors of a mixture, for theta's shapes and summaries of this length."""
    count = len(spec.names)
    changes = {CHANGES + name: Weight((count, *shape), torch.int8) for name, shape in theta.items()}
    scales = {SCALES + name: Weight((count,), torch.float32) for name in theta}
    bank = {
        SUMMARIES: Weight((spec.pictures, summary), HALF),
        OWNERS: Weight((spec.pictures,), torch.uint8),
    }
    return changes | scales | bank


def joined(mixture: Mixture | None, name: str, change: Parameters, bank: Tensor) -> Mixture:
    """Return a mixture with one more initialization: its change from theta, and its examples' summaries [B, C].

    It takes the place of the one of the same name, if there is one.
    """
    if mixture is None:
        owners = torch.zeros(len(bank), dtype=torch.long)
        return Mixture((name,), {key: tensor.unsqueeze(0) for key, tensor in change.items()}, bank, owners)
    if name in mixture.names:
        mixture = _without(mixture, name)
    changes = {key: torch.cat([mixture.changes[key], tensor.unsqueeze(0)]) for key, tensor in change.items()}
    owners = torch.full((len(bank),), len(mixture.names))
    return Mixture(
        (*mixture.names, name), changes, torch.cat([mixture.bank, bank]), torch.cat([mixture.owners, owners])
    )


def _without(mixture: Mixture, name: str) -> Mixture:
    place = mixture.names.index(name)
    left = [number for number in range(len(mixture.names)) if number != place]
    stays = mixture.owners != place
    owners = mixture.owners[stays]
    return Mixture(
        names=tuple(mixture.names[number] for number in left),
        changes={key: tensor[left] for key, tensor in mixture.changes.items()},
        bank=mixture.bank[stays],
        owners=owners - (owners > place).long(),
    )


def _moved(start: Tensor, changes: Tensor, weights: Tensor) -> Tensor:
    """A tensor and its changes [M, ...] by weights [T, M]: [T, ...]."""
    moved = torch.addmm(start.view(1, -1), weights, changes.flatten(start_dim=1))
    return moved.view(len(weights), *start.shape)


def _rows_like(rows: Tensor, tensor: Tensor) -> Tensor:
    """Numbers [M] in the shape of a tensor [M, ...]."""
    return rows.view(-1, *(1,) * (tensor.dim() - 1))
