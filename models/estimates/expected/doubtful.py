"""Which examples of a support set may have a wrong label."""

from typing import NamedTuple

from models.estimates.cross_validation import TEMPERATURE, Signs

UNLIKELY = 0.25
"""Share of what chance gives that an example's own class gets at most if it is doubted: 0.05 of five classes, for which
it was chosen (see benchmarks.wrong_labels)."""
MOST = 3


class Doubt(NamedTuple):
    """An example that heads made without it hold for another class's."""

    place: int
    """Its number in the support set."""
    taken_for: int
    """The class."""
    probability: float
    """Of its own class, 0 to 1."""


def doubtful(signs: Signs) -> list[Doubt]:
    """Return the examples whose own class is least likely, MOST of them, the least likely first.

    Their loss after the steps tells little: these learn a wrong label too.
    """
    probabilities = (signs.scores / TEMPERATURE).softmax(dim=1)
    own, said = probabilities.gather(1, signs.own[:, None]).squeeze(1), probabilities.argmax(dim=1)
    doubted = (own < UNLIKELY / probabilities.shape[1]) & (said != signs.own)
    order = [place for place in own.argsort(stable=True).tolist() if doubted[place]][:MOST]
    return [Doubt(int(signs.places[each]), int(said[each]), float(own[each])) for each in order]
