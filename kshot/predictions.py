"""Types of the HTTP interface: what a model says of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from pydantic import BaseModel, Field

from kshot.problem import FieldProblem
from kshot.types import EXAMPLE_ID, CheckpointRef, ImageWarning, OnError


class Score(BaseModel):
    """A label and its probability."""

    label: str = Field(examples=["alpha"])
    score: float = Field(description="Softmax probability, 0 to 1.", examples=[0.97])


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
    top: list[Score] = Field(
        description="The top_k most probable labels, best first.",
        examples=[[{"label": "alpha", "score": 0.97}, {"label": "beta", "score": 0.03}]],
    )


class PredictTimings(BaseModel):
    """Where the time of a /predict went, in milliseconds."""

    decode: float = Field(description="Reading and preparing the images.", examples=[1.1])
    queue: float = Field(description="Waiting for the engine.", examples=[0.3])
    encode: float = Field(description="The frozen encoder.", examples=[0.2])
    predict: float = Field(description="The adapted network.", examples=[3.9])


class PredictAnswer(BaseModel):
    """A prediction for each image that could be used, in the order they were sent."""

    model_id: str = Field(examples=[EXAMPLE_ID])
    checkpoint: CheckpointRef
    predictions: list[Prediction]
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
    transductive: bool | None
    on_error: OnError | None
