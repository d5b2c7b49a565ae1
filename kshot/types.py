"""Types of the HTTP interface: what a server answers as JSON, and what it is sent as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kshot.accuracy import Validation
from kshot.problem import FileLeftOut, ImageWarning
from kshot.text import plain

EXAMPLE_ID = "019ab2f3c4d5e6f708192a3b4c5d6e7f"
MAX_TTL_SECONDS = 10 * 365 * 86400
EXAMPLE_DIGEST = "sha256:" + "9f86d081884c7d65" * 4
MAX_SKIPPED = 100
ClassWeights: TypeAlias = Literal["balanced", "frequency"]
OnError: TypeAlias = Literal["fail", "skip"]


class CheckpointRef(BaseModel):
    """Which meta-initialization a model was adapted from."""

    name: str = Field(description="Name of the checkpoint.", examples=["omniglot"])
    digest: str = Field(description="Digest of its file, which changes with the weights.", examples=[EXAMPLE_DIGEST])


class HardImage(BaseModel):
    """A support image with a high loss: often a wrong label or a poor picture."""

    index: int = Field(description="Its place among the uploaded images, from 0.", examples=[7])
    filename: str = Field(description="Its file name, or its path in the archive.", examples=["alpha/3.png"])
    label: str = Field(description="The label it came with.", examples=["alpha"])
    loss: float = Field(
        description="Its cross-entropy after adapting, in nats; with targets the squared error.", examples=[0.41]
    )


class SupportImage(BaseModel):
    """An image that a model was adapted to."""

    index: int = Field(description="Its place among the model's images, from 0.", examples=[7])
    filename: str = Field(description="The file name it came with.", examples=["alpha/3.png"])
    label: str = Field(description="Its class; empty if it has a target.", examples=["alpha"])
    text: str | None = Field(
        default=None,
        description="The text itself, where it is one and a list of all was asked for; of a vector its "
        "numbers as a JSON array.",
    )
    target: list[float] | None = Field(
        default=None, description="The numbers to estimate of it; null if it has a label."
    )


class ModelSummary(BaseModel):
    """An adapted model, as a list shows it."""

    id: str = Field(description="What /predict takes as model_id.", examples=[EXAMPLE_ID])
    name: str | None = Field(default=None, description="The name it was given.", examples=["my symbols"])
    checkpoint: CheckpointRef
    classes: list[str] = Field(
        description="Its labels, in order of first appearance; sorted, if they were an archive's folders; none, if it "
        "estimates numbers.",
        examples=[["alpha", "beta"]],
    )
    created_at: datetime = Field(description="When it was made.", examples=["2026-03-01T12:00:00Z"])
    expires_at: datetime | None = Field(default=None, description="When it will be deleted; null if never.")
    parent: str | None = Field(default=None, description="The model that this is a version of.", examples=[EXAMPLE_ID])
    version: int = Field(default=1, description="1, or one more than the version of its parent.", examples=[1])


class Model(ModelSummary):
    """An adapted model and how it was made."""

    shots: dict[str, int] = Field(description="Images of each class.", examples=[{"alpha": 5, "beta": 5}])
    steps: int = Field(description="Gradient steps taken (k).", examples=[5])
    learning_rate: float = Field(description="Learning rate of these steps.", examples=[0.001])
    initialization: dict[str, float] = Field(
        default={},
        description="Where it started: the shares of the checkpoint's initializations, by how many of the training "
        "pictures nearest to its own are theirs. Empty if the checkpoint has but one.",
        examples=[{"imagenet": 0.0, "glyphs": 0.75, "graphics": 0.25}],
    )
    seed: int | None = Field(
        default=None,
        description="The seed of the request. It is only kept: adaptation is full-batch and draws no random numbers.",
        examples=[0],
    )
    loss_curve: list[float] = Field(
        description="Mean cross-entropy of the support set before each step and after the last; with targets the mean "
        "squared error.",
        examples=[[0.52, 0.31, 0.2, 0.14, 0.11, 0.09]],
    )
    support_accuracy: float = Field(
        description="Share of the uploaded images that it now classifies as labelled. It was adapted to them, "
        "so this doesn't estimate the accuracy on new images. With targets, the share of their variance that it "
        "explains (R²).",
        examples=[1.0],
    )
    validation: Validation | None = Field(
        default=None,
        description="What to expect on new images; null if no class has two images, or the checkpoint can't say.",
    )
    hardest_images: list[HardImage] = Field(description="Up to 3 images with the highest loss, highest first.")
    min_scores: dict[str, float] = Field(
        default={},
        description="From which score on a label is `accepted` on /predict; PATCH the model to change it.",
        examples=[{"alpha": 0.8}],
    )
    near_copies: list[list[SupportImage]] = Field(
        default=[],
        description="Images that are copies of one another or frames of one scene: they count as one where it is told "
        "what accuracy to expect. The first 20 groups.",
    )
    skipped: list[str] = Field(
        default=[],
        description=f"Files of the archive that aren't images and were left out: the first {MAX_SKIPPED}.",
        examples=[["__MACOSX/alpha/._1.png"]],
    )
    skipped_count: int = Field(default=0, description="How many were left out.", examples=[1])
    left_out: list[FileLeftOut] = Field(default=[], description="The same files, and why each was left out.")
    warnings: list[ImageWarning] = Field(
        default=[], description="What to know about the images of the request that made it."
    )
    images_kept: bool = Field(
        default=False,
        description="Whether its images are kept, for GET /models/{id}/images and for new versions.",
    )


class AdaptTimings(BaseModel):
    """Where the time of an /adapt went, in milliseconds. What a batch shares counts in full for each request."""

    decode: float = Field(description="Reading and preparing the images.", examples=[9.1])
    queue: float = Field(description="Waiting for the engine.", examples=[0.3])
    encode: float = Field(description="The frozen encoder.", examples=[0.2])
    adapt: float = Field(description="The inner steps.", examples=[41.0])
    store: float = Field(description="Writing the model to the store.", examples=[2.2])


class AdaptAnswer(Model):
    """The model that /adapt made, and the time it took."""

    timings_ms: AdaptTimings


class StepEvent(BaseModel):
    """The progress of an adaptation."""

    step: int = Field(description="Inner steps taken: from 0, before the first, to `steps`.", examples=[1])
    steps: int = Field(description="Inner steps to take (k).", examples=[5])
    loss: float = Field(description="Mean cross-entropy of the support set at this step.", examples=[0.0465])


class ModelPage(BaseModel):
    """A page of adapted models, newest first."""

    models: list[ModelSummary]
    next_cursor: str | None = Field(
        default=None, description="Pass it as ?cursor= for the next page; null on the last."
    )


class CheckpointInfo(CheckpointRef):
    """A meta-initialization that /adapt can start from."""

    default: bool = Field(description="Whether /adapt uses it when the request names none.")
    architecture: str = Field(description="The network.", examples=["conv4"])
    takes: str = Field(
        default="images",
        description="The field of requests that brings its examples.",
        examples=["images", "texts", "inputs"],
    )
    image_size: int = Field(description="Side in pixels that images are resized to; 0 if it takes none.", examples=[28])
    channels: int = Field(description="1 for grey, 3 for colour; 0 if it takes no images.", examples=[1])
    input_size: int = Field(default=0, description="Numbers of an input; 0 if it takes none.", examples=[0])
    targets: int = Field(
        default=0, description="Numbers that it estimates of each input; 0 if it tells classes apart.", examples=[0]
    )
    ways: int | None = Field(description="The only number of classes that it takes; null if any.", examples=[None])
    steps: int = Field(description="Gradient steps unless the request says otherwise.", examples=[5])
    from_shots: int = Field(description="Images of the rarest class for steps by default.", examples=[3])
    learning_rate: float = Field(description="Inner learning rate unless the request says otherwise.")
    initializations: list[str] = Field(
        default=[],
        description="What it starts between, by what the images look like; empty if it has but one initialization.",
        examples=[["imagenet", "glyphs", "graphics"]],
    )


class Checkpoints(BaseModel):
    """The checkpoints that the server has loaded."""

    checkpoints: list[CheckpointInfo]


class Health(BaseModel):
    """The state of the server."""

    status: Literal["alive", "ready"]


class Names(BaseModel):
    """What to change of a model without adapting it anew: names, least scores. What isn't given stays."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, AfterValidator(plain)] | None = Field(
        default=None, max_length=200, description="The model's name; null removes it.", examples=["my symbols"]
    )
    classes: dict[str, str] = Field(
        default={}, description="New names by the old ones; two classes may swap names.", examples=[{"alpha": "aleph"}]
    )
    min_scores: dict[str, Annotated[float, Field(ge=0, le=1)] | None] = Field(
        default={},
        description="The least score from which a label is `accepted` on /predict, by its name as it is; null for "
        "none. Nothing is adapted anew.",
        examples=[{"alpha": 0.8}],
    )


class Deleted(BaseModel):
    """What became of a request to delete all models."""

    deleted: int = Field(description="How many models there were.", examples=[3])


ExportFormat: TypeAlias = Literal["onnx", "safetensors", "json"]


class SupportImages(BaseModel):
    """The images of a model, in their order."""

    images: list[SupportImage]
