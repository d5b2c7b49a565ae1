"""The forms that requests are."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from app.api.examples import Examples, File, Uploads
from kshot.labelling.evaluation import UnknownLabels
from kshot.text import plain
from kshot.types import EXAMPLE_ID, MAX_TTL_SECONDS, ClassWeights, OnError


class SupportForm(Uploads):
    """Labelled images, and a name for what is made of them."""

    name: Annotated[str, AfterValidator(plain)] | None = Field(
        default=None, max_length=200, description="A name to know the model by.", examples=["my symbols"]
    )


class Choices(BaseModel):
    """How to adapt and what to keep; what is None is the server's to choose. Versions take their parent's."""

    steps: int | None = Field(
        default=None,
        ge=0,
        description="Gradient steps (k); 0 makes the head alone. By default the checkpoint's, given images enough.",
        examples=[5],
    )
    learning_rate: float | None = Field(
        default=None, gt=0, le=10, allow_inf_nan=False, description="Inner learning rate.", examples=[0.001]
    )
    initialization: str | None = Field(
        default=None,
        max_length=200,
        description="Where to start, of a checkpoint with several initializations (see GET /checkpoints): a name, or "
        "names with shares. By default what the images look like decides.",
        examples=["glyphs=0.7,graphics=0.2"],
    )
    class_weights: ClassWeights | None = Field(
        default=None,
        description="`balanced`, the default, makes classes count alike, however many images each has; `frequency` "
        "expects new images to be of the classes in the shares that these are.",
        examples=["balanced"],
    )
    seed: int | None = Field(default=None, ge=0, lt=2**53, description="Kept with the model.", examples=[0])
    ttl_seconds: int | None = Field(
        default=None,
        ge=1,
        le=MAX_TTL_SECONDS,
        description="Delete the model after so many seconds.",
        examples=[3600],
    )
    keep_images: bool | None = Field(
        default=None,
        description="Keep the images, as the network sees them, for as long as the model: for new versions of it. "
        "By default the server's setting, which keeps them unless it was changed.",
        examples=[True],
    )


class AdaptForm(Choices, SupportForm):
    """A support set: `images` with as many `labels`, or one `archive`; and, if wanted, how to adapt."""

    checkpoint: str | None = Field(
        default=None,
        description="The meta-initialization to start from; see GET /checkpoints.",
        examples=["omniglot"],
    )
    keep: bool = Field(
        default=True,
        description="`false` keeps nothing: the answer is a safetensors file of the adapted weights, and no model is "
        "made. For who adapts anew all the time, as a control loop does. What is said of models says nothing then.",
        examples=[True],
    )


class InspectForm(Uploads):
    """What to look into: `images`, with as many `labels` or without, or one `archive`."""

    checkpoint: str | None = Field(
        default=None,
        description="The meta-initialization whose input the pictures are prepared for; see GET /checkpoints.",
        examples=["omniglot"],
    )
    pictures: bool = Field(
        default=True, description="Answer with the pictures as the network will see them, too.", examples=[False]
    )


class EvaluateForm(Uploads):
    """A test set: `images` with as many `labels`, or one `archive`."""

    unknown_labels: UnknownLabels = Field(
        default="fail",
        description="`report` counts images whose label the model doesn't have apart, in `unknown_labels`; by default "
        "such a label fails the request.",
        examples=["report"],
    )


class RankForm(Examples):
    """A pool of examples without labels: `images` or `texts`, or one `archive` or `table`."""

    archive: File | None = Field(
        default=None, description="A zip, tar or tar.gz of pictures, in whatever folders, instead of images."
    )
    archive_encoding: str | None = Field(
        default=None,
        max_length=40,
        description="The encoding of the archive's names where they aren't in UTF-8 and don't tell.",
        examples=["cp932"],
    )
    top_k: int = Field(default=3, ge=1, description="How many labels to list for each image.", examples=[3])
    on_error: OnError = Field(
        default="skip",
        description="`fail` refuses the request if an image can't be used; by default `errors` names it.",
        examples=["fail"],
    )

    @property
    def kinds(self) -> tuple[str, ...]:
        """See Examples."""
        return super().kinds or (("images",) if self.archive else ())


class VersionForm(Choices, SupportForm):
    """What is to be different from the model: images to remove and to add, and choices that aren't its own."""

    remove: list[int] = Field(
        default=[],
        description="Images of the model to leave out, by index; see GET /models/{id}/images. Repeat the field.",
        examples=[[7]],
    )
    remove_class: list[str] = Field(
        default=[], description="Classes to leave out, with all their images. Repeat the field.", examples=[["beta"]]
    )


class PredictForm(Examples):
    """Examples to classify with an adapted model."""

    model_id: str = Field(min_length=1, description="The id that /adapt answered.", examples=[EXAMPLE_ID])
    crop: list[str] = Field(
        default=[],
        description="The part of each image that is meant, as x,y,width,height in pixels of the upright picture; empty "
        "for the whole. One for each image, or several of a single image, which then has a prediction for each.",
        examples=[["10,20,200,150"]],
    )
    top_k: int = Field(default=5, ge=1, description="How many labels to list for each image.", examples=[5])
    coverage: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="Also give each image the fewest labels that hold the right one in such a share of cases.",
        examples=[0.9],
    )
    evidence: bool = Field(
        default=False,
        description="Also say where each image shows its label: how much the label's odds fall when one of 7 × 7 "
        "places is covered, as numbers and as a picture. It takes as long as 50 images, for each; 20 images at most.",
    )
    transductive: bool = Field(
        default=False,
        description="Classify the images together: what they look like then moves the classes, or with drawings "
        "batch norm's statistics, as in the Reptile paper. It helps if they are many, and makes each answer depend on "
        "the others.",
    )
    on_error: OnError = Field(
        default="fail",
        description="`skip` answers of the images that can be used, and names the others in `errors`; by default one "
        "that can't be fails the request. More images or pixels than a request may have fail it either way.",
        examples=["skip"],
    )
