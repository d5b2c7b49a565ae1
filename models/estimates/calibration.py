"""What makes the figures in answers mean what they say."""

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from models.estimates.expected.accuracy import AccuracySpec
from models.estimates.familiarity import KnownSpec
from models.estimates.label_sets import LabelSetSpec


class Calibration(BaseModel):
    """What was fitted for a checkpoint, on other data than it is used on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: PositiveFloat = Field(description="Logits are divided by it for scores")
    unstepped_temperature: PositiveFloat | None = Field(
        default=None, description="The same of models that took no steps, whose logits are smaller; None: the same"
    )
    held_out_temperature: PositiveFloat | None = Field(
        default=None, description="The same of left-out examples: a model whose own need more or less has another one"
    )
    accuracy: AccuracySpec = AccuracySpec()
    known: KnownSpec | None = Field(default=None, description="When a picture is known, from the support set")
    label_sets: LabelSetSpec | None = Field(
        default=None, description="Which sets of labels hold the right one how often"
    )
    near_copy: float | None = Field(
        default=None,
        description="From how much on examples of a class are near copies; see models.estimates.near_copies",
    )
    familiar: float | None = Field(
        default=None, description="Models of earlier builds: least cosine with a class mean for a picture to be known"
    )

    def usual_temperature(self, *, stepped: bool) -> float:
        """Return the temperature of a model that took steps or none, where it needs no more or less than others."""
        return self.temperature if stepped or self.unstepped_temperature is None else self.unstepped_temperature
