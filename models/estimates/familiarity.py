"""How much an example looks like those that a model was adapted to, and how much is enough to be one of them."""

from dataclasses import dataclass
from functools import cached_property

import torch
from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.nn.functional import normalize, one_hot

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
    """A support set as familiarity sees it: features [S, F] at length 1, their classes, and these classes' sums."""

    features: Tensor
    labels: Tensor
    ways: int

    @classmethod
    def of(cls, features: Tensor, labels: Tensor, ways: int) -> "Classes":
        """From features [S, F] of any length and labels [S]."""
        return cls(normalize(features, dim=1), labels, ways)

    @cached_property
    def members(self) -> Tensor:
        """1 where an example is of a class, else 0: [S, N]."""
        return one_hot(self.labels, self.ways).to(self.features.dtype)

    @cached_property
    def sums(self) -> Tensor:
        """[N, F]."""
        return self.members.T @ self.features

    @cached_property
    def cosine(self) -> Tensor:
        """The mean cosine ρ between two examples of a class; 1 where no class has two."""
        sizes = self.members.sum(dim=0)
        pairs = (sizes * (sizes - 1)).sum()
        own = self.features.square().sum()
        return (
            ((self.sums.square().sum() - own) / pairs.clamp_min(1))
            .clamp(SMALLEST_COSINE, 1)
            .where(pairs > 0, own / own)
        )

    def length(self, sizes: Tensor) -> Tensor:
        """Return √(ρ + (1 − ρ) / n): what a mean of n examples is long, which its cosines with others lack."""
        return (self.cosine + (1 - self.cosine) / sizes.clamp_min(1)).sqrt()

    def vectors(self) -> Tensor:
        """Return what familiarity is measured against [N, F]: the classes' mean directions, at the lengths of means.

        So examples are as familiar, on average, with a class of few examples as with one of many.
        """
        return normalize(self.sums, dim=1) * self.length(self.members.sum(dim=0))[:, None]

    def level(self, spec: KnownSpec) -> Tensor:
        """Return the mean familiarity of new examples of these classes, and its standard deviation [2].

        From their own examples', each measured without itself. What is expected of support sets with one example a
        class counts as one more.
        """
        products = self.features @ self.vectors().T
        others = products.masked_fill(self.members.bool(), -torch.inf).amax(dim=1).mean()
        sizes = self.members.sum(dim=0)[self.labels]
        rest = (normalize(self.sums[self.labels] - self.features, dim=1) * self.features).sum(dim=1)
        without = products.scatter(1, self.labels[:, None], (rest * self.length(sizes - 1))[:, None])
        found = _with_lead(without)[sizes > 1]
        mean = (found.sum() + spec.offset + spec.slope * others) / (len(found) + 1)
        variance = ((found - mean).square().sum() + spec.spread**2) / max(1, len(found))
        return torch.stack([mean, variance.sqrt()])


def familiarity(features: Tensor, vectors: Tensor) -> Tensor:
    """Return how familiar features [Q, F] are [Q], given class vectors [N, F].

    It is their product with the nearest one, at length 1, and half its lead over the mean of the others.
    """
    return _with_lead(normalize(features, dim=1) @ vectors.T)


def nearest(features: Tensor, means: Tensor) -> Tensor:
    """Return the largest cosine [Q] of features [Q, F] with class means [N, F]: as in earlier builds' models."""
    return (features @ means.T).amax(dim=1)


def _with_lead(products: Tensor) -> Tensor:
    first = products.amax(dim=1)
    others = (products.sum(dim=1) - first) / (products.shape[1] - 1)
    return first + GAP * (first - others)
