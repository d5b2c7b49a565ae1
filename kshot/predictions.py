"""Types of the HTTP interface: what a model says of images."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Sequence
from typing import TypedDict

from pydantic import BaseModel, Field

from kshot.problem import FieldProblem, ImageWarning
from kshot.types import EXAMPLE_ID, CheckpointRef, OnError


class Score(BaseModel):
    """A label and its probability."""

    label: str = Field(examples=["alpha"])
    score: float = Field(description="Softmax probability, 0 to 1.", examples=[0.97])


class Evidence(BaseModel):
    """Where an image shows its label."""

    places: list[list[float]] = Field(
        description="How much the logarithm of the label's odds, score / (1 − score), falls if this place of the image "
        "is covered and it is classified by itself: 7 rows of 7, of the square that the model sees. Less than 0 where "
        "a place speaks against the label.",
        examples=[[[0.0] * 7, [0.0, 0.1, 0.2, 1.4, 0.3, 0.0, -0.1], *[[0.0] * 7] * 5]],
    )
    overlay: str = Field(
        description="That square with the places for the label in red and those against it in blue: a PNG as a data "
        "URL, for the src of an img.",
        examples=["data:image/png;base64,iVBORw0KGgo…"],
    )

    @property
    def picture(self) -> bytes:
        """The overlay as the bytes of a PNG file."""
        return b64decode(self.overlay.partition(",")[2])


class Prediction(Score):
    """The answer for one image."""

    index: int = Field(
        description="Its place among the uploaded images, or among the crops of a single one, from 0.", examples=[0]
    )
    filename: str = Field(description="Its file name.", examples=["new.png"])
    known: bool | None = Field(
        default=None,
        description="False for a picture that looks like none of the classes; null if the checkpoint can't say.",
        examples=[True],
    )
    accepted: bool | None = Field(
        default=None,
        description="Whether the score reaches what the model's min_scores ask of the label; null if they ask nothing.",
        examples=[True],
    )
    labels: list[str] | None = Field(
        default=None,
        description="The fewest labels, best first, that hold the right one as often as `coverage` asks; null if it "
        "wasn't asked for, or the checkpoint can't say.",
        examples=[["alpha", "beta"]],
    )
    evidence: Evidence | None = Field(
        default=None,
        description="Where the image shows its label; null if not asked for, and for texts.",
    )
    top: list[Score] = Field(
        description="The top_k most probable labels, best first.",
        examples=[[{"label": "alpha", "score": 0.97}, {"label": "beta", "score": 0.03}]],
    )


class Estimate(BaseModel):
    """The numbers that a model estimates of one input."""

    index: int = Field(description="Its place among the inputs, from 0.", examples=[0])
    filename: str = Field(description="Its row, if it came in a table.", examples=["points.csv, row 2"])
    values: list[float] = Field(description="An estimate of each target.", examples=[[0.48]])


class PredictTimings(BaseModel):
    """Where the time of a /predict went, in milliseconds."""

    decode: float = Field(description="Reading and preparing the images.", examples=[1.1])
    queue: float = Field(description="Waiting for the engine.", examples=[0.3])
    encode: float = Field(description="The frozen encoder.", examples=[0.2])
    predict: float = Field(description="The adapted network.", examples=[3.9])
    evidence: float = Field(default=0, description="Classifying the images with places covered.", examples=[0.0])


class PredictAnswer(BaseModel):
    """A prediction for each image that could be used, in the order they were sent."""

    model_id: str = Field(examples=[EXAMPLE_ID])
    checkpoint: CheckpointRef
    predictions: list[Prediction] = Field(description="None, if the model estimates numbers.")
    estimates: list[Estimate] = Field(
        default=[], description="Of a model that estimates numbers, what it says of each input, in their order."
    )
    transductive: bool = Field(
        description="True if the images were classified together: each answer then depends on the others."
    )
    timings_ms: PredictTimings
    warnings: list[ImageWarning] = Field(default=[], description="What to know about the images.")
    errors: list[FieldProblem] = Field(
        default=[], description="The images that can't be used, if the request asked to skip them with `on_error`."
    )


class PredictOptions(TypedDict, total=False):
    """Options of /predict; the server decides those that are None or missing."""

    crop: Sequence[str] | None
    top_k: int | None
    coverage: float | None
    evidence: bool | None
    transductive: bool | None
    on_error: OnError | None
    texts: Sequence[str] | None
    inputs: Iterable[Iterable[float]] | None
