"""What there is to say of what was sent: the problem document of a refusal, warnings, files that were left out."""

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


class FileLeftOut(BaseModel):
    """A file of an archive that was not taken."""

    filename: str = Field(description="Its path in the archive.", examples=["alpha/notes.txt"])
    reason: str = Field(description="Why it was left out.", examples=["it is text"])


class ImageWarning(BaseModel):
    """Something to know about an image that was taken all the same, or about all of them."""

    type: str = Field(
        description="What it is. Of an image: `truncated`, the file ends early, and what came of it was used; `blank`, "
        "the network sees the same all over; `fitted`, it is so wide or tall that it was shrunk to be seen whole. "
        "Of an archive: `splits-joined`, folders like train and test are no classes; "
        "`subfolders-joined`, a class's folder holds folders; `labels-joined`, labels look the same; `labels-alike`, "
        "labels differ in capitals alone; `labels-from-list`, a list in it has the labels. "
        "Later servers may know others.",
        examples=["blank"],
    )
    index: int | None = Field(
        default=None, description="Its place among the uploaded images, from 0; null if it is about all.", examples=[7]
    )
    filename: str | None = Field(
        default=None, description="Its file name, or its path in the archive.", examples=["alpha/3.png"]
    )
    detail: str = Field(
        description="The same in words, with what to do.",
        examples=["alpha/3.png is the same all over to the network. Leave it out, or send one that shows something."],
    )
