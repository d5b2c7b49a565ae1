"""Types of the HTTP interface: what is to be expected of a model."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CurvePoint(BaseModel):
    """The accuracy that fewer images would have given."""

    images: int = Field(description="Images of each class.", examples=[2])
    accuracy: float = Field(
        description="Share of the other images that a head fitted to these gets right.", examples=[0.85]
    )


class Confusion(BaseModel):
    """A class that is taken for another: where to add images first."""

    label: str = Field(description="The class.", examples=["alpha"])
    taken_for: str = Field(description="What its images were taken for.", examples=["beta"])
    images: int = Field(description="How many of them, each by a head made without it.", examples=[2])
    of: int = Field(description="Of how many that were left out.", examples=[5])


class DoubtfulImage(BaseModel):
    """An image that may have a wrong label: a head made without it finds its own class unlikely."""

    index: int = Field(description="Its place among the model's images, from 0.", examples=[7])
    filename: str = Field(description="The file name it came with.", examples=["alpha/3.png"])
    label: str = Field(description="The label it came with.", examples=["alpha"])
    taken_for: str = Field(description="The class that it looks like.", examples=["beta"])
    probability: float = Field(description="How likely its own class is, 0 to 1.", examples=[0.01])


class OperatingPoint(BaseModel):
    """What happens where only answers of at least this score count."""

    min_score: float = Field(description="The score.", examples=[0.9])
    answered: float = Field(description="Share of images like yours that get such an answer.", examples=[0.7])
    right: float | None = Field(
        description="Share of these answers that are right; null where there is none.", examples=[0.98]
    )


class Validation(BaseModel):
    """The accuracy to expect on new images like these, estimated from these alone."""

    accuracy: float = Field(
        description="Share of new images, as many of each class, that the model should get right, 0 to 1.",
        examples=[0.93],
    )
    low: float | None = Field(default=None, description="In 90 of 100 cases what comes is this,", examples=[0.85])
    high: float | None = Field(default=None, description="to this.", examples=[1.0])
    method: str = Field(description="How it was estimated.", examples=["cross-validation within the support set"])
    of_classes: dict[str, float | None] = Field(
        default={},
        description="The same of each class's own; null for a class of one image.",
        examples=[{"alpha": 0.9, "beta": 0.96}],
    )
    confusions: list[Confusion] = Field(
        default=[], description="Which classes were taken for which, the most frequent first; empty if none was."
    )
    doubtful: list[DoubtfulImage] = Field(
        default=[],
        description="Up to 3 images that may have a wrong label, the least likely first. Earlier builds sought none.",
    )
    learning_curve: list[CurvePoint] = Field(
        default=[],
        description="From 1, 2, 4, … of your images a class, before the inner steps. If it still rises, add images.",
    )
    operating_points: list[OperatingPoint] = Field(
        default=[],
        description="What a threshold would give, by heads made without the images that they are asked about; see "
        "`min_scores` of PATCH /models/{id}. Empty where the checkpoint can't say.",
    )
