"""The problem document that a server answers when it refuses a request."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FieldProblem(BaseModel):
    """One thing wrong with one field, or with one of its files or labels."""

    type: str | None = Field(
        default=None, description="The kind of problem, of a file or a label.", examples=["/problems/image-truncated"]
    )
    field: str = Field(examples=["images"])
    index: int | None = Field(default=None, description="Which of the images, from 0.", examples=[3])
    filename: str | None = Field(default=None, description="Its file name.", examples=["dog.jpg"])
    detail: str = Field(
        description="What is wrong, and the remedy.",
        examples=["images[3] (dog.jpg) ends early or is damaged. Send the whole, intact file."],
    )


class Problem(BaseModel):
    """What went wrong and how to mend it: application/problem+json as in RFC 9457."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="A stable name of the kind of problem, to branch on.",
        examples=["/problems/image-truncated"],
    )
    title: str = Field(description="The kind of problem in words.", examples=["The image is cut short or damaged"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(
        description="This occurrence: which field and image, and the remedy.",
        examples=["images[3] (dog.jpg) ends early or is damaged. Send the whole, intact file."],
    )
    field: str | None = Field(default=None, description="The field of the form at fault.", examples=["images"])
    index: int | None = Field(default=None, description="Which of the images, from 0.", examples=[3])
    filename: str | None = Field(default=None, description="Its file name.", examples=["dog.jpg"])
    errors: list[FieldProblem] | None = Field(
        default=None,
        description="All fields at fault, or all images or labels: the first 100, of which the first is told above.",
    )
    errors_count: int | None = Field(
        default=None, description="How many fields, images or labels are at fault.", examples=[1]
    )
    request_id: str | None = Field(default=None, description="Quote it to find the request in the logs.")
