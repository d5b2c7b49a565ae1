"""How much an example looks like those that a model was adapted to, and how much is enough to be one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.nn.functional import normalize, one_hot

from models.estimates.near_copies import copies, one_of_each
from models.tasks import PADDING, FeatureSet, pad_stack

MEANS, START_MEANS = "class.means", "start.means"
"""Names of the class vectors among an adapted model's tensors: of its features, or of those it started from, which tell
better what is none of its classes than what its steps made of them."""
LEVEL = "known.level"
"""Name of the mean familiarity of examples of the classes and its standard deviation [2]. Models of earlier builds have
none, and means of length 1."""
GAP = 0.5
"""Share of its lead over the other classes in an example's familiarity."""
SMALLEST_COSINE = 0.05


class KnownSpec(BaseModel):
    """Where the familiarities of a model's classes end, as was fitted on other data than it is used on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    strictness: PositiveFloat = Field(description="Standard deviations below their mean")
    offset: float = Field(description="Where there is one example of each class, their mean is expected to be this,")
    slope: NonNegativeFloat = Field(description="and so much of the familiarity with other classes,")
    spread: PositiveFloat = Field(description="with this standard deviation")

    def least(self, level: Tensor) -> Tensor:
        """Return the familiarity from which an example is taken for one of the classes, from a model's level [2]."""
        return level[0] - self.strictness * level[1]


@dataclass(frozen=True)
class Classes:
    """T support sets as familiarity sees them: features [T, S, F] at length 1, and their classes' sums."""

    features: Tensor
    labels: Tensor
    """[T, S], PADDING where no example is."""
    ways: Tensor
    """[T]."""

    @classmethod
    def of(cls, sets: Sequence[FeatureSet]) -> "Classes":
        """From support sets, whose near copies count as one."""
        features = normalize(pad_stack([each.features for each in sets]), dim=2)
        device, own = features.device, torch.arange(features.shape[1])
        labels = pad_stack([each.labels for each in sets], PADDING).to(device)
        ways = torch.tensor([each.ways for each in sets]).to(device)
        if any(copies(each.groups) for each in sets):
            groups = torch.stack([torch.cat([each.groups, own[len(each.groups) :]]) for each in sets])
            sums, labels = one_of_each(features, labels, groups.to(device))
            features = normalize(sums, dim=2)
        return cls(features, labels, ways)

    @cached_property
    def members(self) -> Tensor:
        """1 where an example is of a class, else 0: [T, S, N]."""
        return one_hot(self.labels + 1, int(self.ways.max()) + 1)[..., 1:].to(self.features.dtype)

    @cached_property
    def sizes(self) -> Tensor:
        """How many examples a class has [T, N]."""
        return self.members.sum(dim=1)

    @cached_property
    def sums(self) -> Tensor:
        """[T, N, F]."""
        return torch.bmm(self.members.mT, self.features)

    @cached_property
    def cosine(self) -> Tensor:
        """The mean cosine ρ between two examples of a class [T, 1]; 1 where no class has two."""
        pairs = (self.sizes * (self.sizes - 1)).sum(dim=1)
        between = self.sums.square().sum(dim=(1, 2)) - self.features.square().sum(dim=(1, 2))
        mean = (between / pairs.clamp_min(1)).clamp(SMALLEST_COSINE, 1)
        return torch.where(pairs > 0, mean, 1.0).unsqueeze(1)

    def length(self, sizes: Tensor) -> Tensor:
        """Return √(ρ + (1 − ρ) / n) [T, ...]: what a mean of n examples is long, which its cosines with others lack."""
        return (self.cosine + (1 - self.cosine) / sizes.clamp_min(1)).sqrt()

    def vectors(self) -> Tensor:
        """Return what familiarity is measured against [T, N, F]: the classes' mean directions, at the lengths of means.

        So examples are as familiar, on average, with a class of few examples as with one of many.
        """
        return normalize(self.sums, dim=2) * self.length(self.sizes).unsqueeze(2)

    def level(self, spec: KnownSpec) -> Tensor:
        """Return the mean familiarity of new examples of the classes, and its standard deviation [T, 2].

        From their own examples', each measured without itself. What is expected of support sets with one example a
        class counts as one more.
        """
        present, absent = self.labels != PADDING, self.sizes.unsqueeze(1) == 0
        products = torch.bmm(self.features, self.vectors().mT).masked_fill(absent, -torch.inf)
        best_other = products.masked_fill(self.members > 0, -torch.inf).amax(dim=2)
        others = best_other.where(present, 0).sum(dim=1) / present.sum(dim=1)
        sizes = (self.members * self.sizes.unsqueeze(1)).sum(dim=2)
        left = normalize(torch.bmm(self.members, self.sums) - self.features, dim=2)
        rest = (left * self.features).sum(dim=2) * self.length(sizes - 1)
        without = products.scatter(2, self.labels.clamp_min(0).unsqueeze(2), rest.unsqueeze(2))
        total = without.masked_fill(absent, 0).sum(dim=2)
        found, told = _with_lead(without.amax(dim=2), total, self.ways[:, None]), sizes > 1
        count = told.sum(dim=1)
        mean = ((found * told).sum(dim=1) + spec.offset + spec.slope * others) / (count + 1)
        squares = ((found - mean[:, None]).square() * told).sum(dim=1)
        variance = (squares + spec.spread**2) / count.clamp_min(1)
        return torch.stack([mean, variance.sqrt()], dim=1)


def familiarity(features: Tensor, vectors: Tensor) -> Tensor:
    """Return how familiar features [Q, F] are [Q], given class vectors [N, F].

    It is their product with the nearest one, at length 1, and half its lead over the mean of the others.
    """
    products = normalize(features, dim=1) @ vectors.T
    return _with_lead(products.amax(dim=1), products.sum(dim=1), len(vectors))


def nearest(features: Tensor, means: Tensor) -> Tensor:
    """Return the largest cosine [Q] of features [Q, F] with class means [N, F]: as in earlier builds' models."""
    return (features @ means.T).amax(dim=1)


def _with_lead(first: Tensor, total: Tensor, ways: Tensor | int) -> Tensor:
    """Return familiarities from the largest product, the sum of all, and of how many classes these are."""
    return first + GAP * (first - (total - first) / (ways - 1))
