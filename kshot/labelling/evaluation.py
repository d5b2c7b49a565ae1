"""Types of the HTTP interface: how a model does on labelled pictures that took no part in making it."""

from __future__ import annotations

from typing import Literal, TypeAlias, TypedDict

from pydantic import BaseModel, Field

from kshot.predictions import PredictTimings
from kshot.problem import ImageWarning
from kshot.types import EXAMPLE_ID, CheckpointRef

UnknownLabels: TypeAlias = Literal["fail", "report"]
MOST_MISTAKES = 50


class Share(BaseModel):
    """How many pictures were classified as labelled."""

    images: int = Field(description="Pictures.", examples=[40])
    right: int = Field(description="How many of them the model gave their own label.", examples=[37])
    accuracy: float = Field(description="right / images.", examples=[0.925])
    low: float = Field(description="Of all pictures like these, between this share", examples=[0.801])
    high: float = Field(
        description="and this are classified right, in 95 of 100 cases (Wilson's interval).", examples=[0.974]
    )


class ClassShare(Share):
    """The same of the pictures of one class."""

    label: str = Field(description="The class.", examples=["alpha"])
    said: int = Field(description="How many pictures of all classes were given this label.", examples=[41])
    precision: float | None = Field(
        default=None, description="Which share of these are of the class; null if there are none.", examples=[0.902]
    )


class Mistake(BaseModel):
    """A picture that was given another label than its own: the model errs, or the label does."""

    index: int = Field(description="Its place among the uploaded images, from 0.", examples=[7])
    filename: str = Field(description="Its file name, or its path in the archive.", examples=["alpha/3.png"])
    label: str = Field(description="The label it came with.", examples=["alpha"])
    said: str = Field(description="The label that the model gave it.", examples=["beta"])
    score: float = Field(description="The score of the label that the model gave it.", examples=[0.97])
    own_score: float = Field(description="The score of the label it came with.", examples=[0.02])
    known: bool | None = Field(
        default=None, description="False if it looks like none of the classes; null if the checkpoint can't say."
    )


class UnknownLabel(BaseModel):
    """Pictures of a class that the model doesn't have: none of its labels is right for them."""

    label: str = Field(examples=["gamma"])
    images: int = Field(description="Pictures with this label.", examples=[5])
    known: int | None = Field(
        description="How many of them are taken for one of the model's classes, with `known` true; null if the "
        "checkpoint can't say.",
        examples=[1],
    )


class Evaluation(Share):
    """How a model does on labelled pictures. None of them was kept."""

    model_id: str = Field(examples=[EXAMPLE_ID])
    checkpoint: CheckpointRef
    balanced_accuracy: float = Field(
        description="Mean accuracy of the classes that have pictures here: as if each had as many.", examples=[0.92]
    )
    known: int | None = Field(
        default=None,
        description="How many of the pictures look like one of the model's classes; null if the checkpoint can't say.",
        examples=[39],
    )
    of_classes: list[ClassShare] = Field(description="Each of the model's classes that has pictures here.")
    classes: list[str] = Field(description="All of the model's classes, in its order.", examples=[["alpha", "beta"]])
    confusion: list[list[int]] = Field(
        description="How many pictures of a class, in rows, were given which label, in columns; both as `classes`.",
        examples=[[[18, 2], [1, 19]]],
    )
    mistakes: list[Mistake] = Field(
        default=[],
        description=f"The pictures that were given another label than their own, the most confident {MOST_MISTAKES}, "
        "those of the highest score first.",
    )
    unknown_labels: list[UnknownLabel] = Field(
        default=[], description="Labels that aren't the model's. Their pictures count nowhere else."
    )
    warnings: list[ImageWarning] = Field(default=[], description="What to know about the images.")
    timings_ms: PredictTimings


class EvaluateOptions(TypedDict, total=False):
    """Options of an evaluation; the server decides those that are None or missing."""

    unknown_labels: UnknownLabels | None
    archive_encoding: str | None
