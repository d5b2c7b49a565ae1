"""What makes the figures in answers mean what they say."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat
from torch import Tensor

LINEAR_FROM = 0.4  # lower probabilities were not among those that the calibration was fitted to


class Calibration(BaseModel):
    """What was fitted for a checkpoint, on other data than it is used on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: PositiveFloat = Field(description="Logits are divided by it for scores")
    slope: float = Field(description="Expected accuracy is slope × held-out probability + offset")
    offset: float
    familiar: float = Field(description="Least cosine of a picture's features with a class mean for it to be known")

    def expected_accuracy(self, held_out: float, ways: int) -> float:
        """Return the accuracy to expect of new examples, from the mean probability of held-out ones' own class.

        It is linear in the probability, as fitted, where that is not small; below, it falls to chance.
        """
        chance = 1 / ways
        if held_out >= LINEAR_FROM or chance >= LINEAR_FROM:
            return min(1.0, max(chance, self.slope * held_out + self.offset))
        top = self.slope * LINEAR_FROM + self.offset
        return chance + (top - chance) * max(0.0, held_out - chance) / (LINEAR_FROM - chance)

    def known(self, familiarity: Tensor) -> Tensor:
        """Say of each example whether it looks like one of the model's classes, from its `familiarity`."""
        return familiarity >= self.familiar
