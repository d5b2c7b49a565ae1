"""Types of the HTTP interface: what a model makes of a pool of unlabelled pictures, and which of them to label next."""

from __future__ import annotations

from typing import TypedDict

from pydantic import BaseModel, Field

from kshot.predictions import PredictTimings, Score
from kshot.problem import FieldProblem, FileLeftOut, ImageWarning
from kshot.types import EXAMPLE_ID, CheckpointRef, OnError


class RankedPicture(Score):
    """A picture of the pool, with the label that the model suggests."""

    index: int = Field(description="Its place among the pictures sent, or among the archive's, from 0.", examples=[7])
    filename: str = Field(description="Its file name, or its path in the archive.", examples=["new/3.png"])
    known: bool | None = Field(
        default=None,
        description="False for a picture that looks like none of the classes; null if the checkpoint can't say.",
        examples=[True],
    )
    rank: int = Field(
        description="Its place in the order of what a label would teach: 0 for the picture to label first.",
        examples=[0],
    )
    copy_of: int | None = Field(
        default=None,
        description="The index of a picture that it is nearly a copy of, which was ranked in its place; it comes last.",
        examples=[None],
    )
    top: list[Score] = Field(
        description="The top_k most probable labels, best first.",
        examples=[[{"label": "alpha", "score": 0.57}, {"label": "beta", "score": 0.43}]],
    )


class Ranking(BaseModel):
    """A pool of pictures as a model sees it. None of them was kept."""

    model_id: str = Field(examples=[EXAMPLE_ID])
    checkpoint: CheckpointRef
    pictures: list[RankedPicture] = Field(description="The pictures that can be used, in the order they were sent.")
    order: list[int] = Field(
        description="Their indices in the order in which to label them. However many of the first you take, they are "
        "what the model is unsure of, spread over the pool.",
        examples=[[7, 0, 12]],
    )
    left_out: list[FileLeftOut] = Field(default=[], description="Files of the archive that are no pictures, and why.")
    errors: list[FieldProblem] = Field(
        default=[], description="The pictures that can't be used, unless the request asked to fail with them."
    )
    warnings: list[ImageWarning] = Field(default=[], description="What to know about the pictures.")
    timings_ms: PredictTimings


class RankOptions(TypedDict, total=False):
    """Options of a ranking; the server decides those that are None or missing."""

    top_k: int | None
    on_error: OnError | None
    archive_encoding: str | None
