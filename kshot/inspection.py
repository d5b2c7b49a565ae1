"""Types of the HTTP interface: what an archive or a number of images holds."""

from __future__ import annotations

from base64 import b64decode

from pydantic import BaseModel, Field

from kshot.problem import FileLeftOut, ImageWarning
from kshot.types import CheckpointRef
from kshot.uploads import ToldOptions

EXAMPLE_IMAGE = "data:image/webp;base64,UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA=="


class InspectedPicture(BaseModel):
    """A picture that can be used."""

    index: int = Field(description="Its place among the images sent, or among the archive's, from 0.", examples=[7])
    filename: str = Field(description="Its file name, or its path in the archive.", examples=["alpha/3.png"])
    label: str | None = Field(
        default=None, description="Its class; null for images without labels.", examples=["alpha"]
    )
    image: str | None = Field(
        default=None,
        description="The picture as the network will see it, as a data URL of a lossless WEBP file: sent to /adapt, it "
        "makes the same model as the picture that it was made from. Null with `pictures=false`.",
        examples=[EXAMPLE_IMAGE],
    )

    text: str | None = Field(default=None, description="The text itself, if it is one. Null with `pictures=false`.")
    target: list[float] | None = Field(default=None, description="The numbers to estimate of it, if it has these.")

    @property
    def data(self) -> bytes:
        """The bytes of `image`, as adapt() and predict() take them; none if it wasn't asked for."""
        return b64decode((self.image or "").partition(",")[2])


class FileNotTaken(FileLeftOut):
    """A file that is no picture, or a picture that cannot be used."""

    index: int | None = Field(
        default=None, description="Its place among the pictures, from 0; null for what is none.", examples=[8]
    )


class Inspection(BaseModel):
    """What an archive or a number of images holds. Nothing of it was kept."""

    checkpoint: CheckpointRef = Field(description="What the pictures were prepared for.")
    classes: list[str] = Field(
        description="The labels, in order of first appearance; sorted, if they are an archive's; none for images "
        "without labels.",
        examples=[["alpha", "beta"]],
    )
    shots: dict[str, int] = Field(
        description="How many images of each class can be used.", examples=[{"alpha": 5, "beta": 5}]
    )
    pictures: list[InspectedPicture] = Field(description="The pictures that can be used, in order.")
    left_out: list[FileNotTaken] = Field(default=[], description="The other files, and why each was left out.")
    warnings: list[ImageWarning] = Field(default=[], description="What to know about the pictures.")


class InspectOptions(ToldOptions, total=False):
    """Options of /inspect; the server decides those that are None or missing."""

    checkpoint: str | None
    archive_encoding: str | None
    pictures: bool | None
