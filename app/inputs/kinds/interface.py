"""What a kind of example is to the reader: how support sets and queries of it come in forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from app import errors
from app.api.examples import Examples, Uploads
from app.api.forms import InspectForm, PredictForm, RankForm
from app.inputs.decoding import Usable
from app.inputs.inspection import Inspected
from app.inputs.limits import LEAST_CLASSES
from app.inputs.support_set import SupportSet
from app.threads import Cancellation
from models.checkpoint import Checkpoint
from models.inputs.interface import Input


@dataclass(frozen=True)
class Wanted:
    """What a checkpoint has to be told of each example: a label, or so many `targets`."""

    targets: int = 0
    least_classes: int = LEAST_CLASSES

    @classmethod
    def by(cls, checkpoint: Checkpoint, least_classes: int = LEAST_CLASSES) -> Wanted:
        """Return what a checkpoint wants, of at least so many classes."""
        return cls(checkpoint.metadata.head.targets, least_classes)


LABELS = Wanted()


class ExampleSets(Protocol):
    """Reads what forms bring of one kind of example. All but `at_once` may block, and raise AppError."""

    def support(
        self, form: Uploads, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        """Return the labelled examples of a form, and as tensors [B, ...]."""

    def queries(self, form: PredictForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Usable:
        """Return the examples to classify that can be used, and the faults of the others."""

    def at_once(self, form: PredictForm, spec: Input, wanted: Wanted) -> Usable | None:
        """Return the same where that takes no longer than a thread takes to begin; else None."""

    def pool(
        self, form: RankForm, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[Usable, SupportSet]:
        """Return the unlabelled examples of a form that can be used, and what was left out of an archive."""

    def inspect(self, form: InspectForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Inspected:
        """Return what a form holds, and its examples as `keep` gives them if it asks for them."""


def check_kind(form: Examples, checkpoint: Checkpoint, name: str) -> None:
    """Raise ExamplesUnsuitable for a form that brings another kind of example than the checkpoint takes.

    Or labels where it takes targets, or the other way round; UploadAmbiguous for both.
    """
    takes = checkpoint.metadata.input.field
    if form.kinds and takes not in form.kinds:
        sent = form.kinds[0]
        detail = f"Checkpoint {name} takes {takes}, and {sent} were sent. Send {takes}, or use "
        detail += f"a checkpoint that takes {sent}: GET /checkpoints lists what each takes."
        raise errors.ExamplesUnsuitable(detail, field=sent)
    told = form.told
    if len(told) > 1:
        raise errors.UploadAmbiguous("Send either labels or targets, and not both.", field="targets")
    own, other = ("targets", "labels") if checkpoint.metadata.head.targets else ("labels", "targets")
    if other in told:
        detail = f"Checkpoint {name} takes {own}, and {other} were sent. Send {own}, or use another checkpoint."
        raise errors.ExamplesUnsuitable(detail, field=other)


def check_classifies(checkpoint: Checkpoint, name: str) -> None:
    """Raise ExamplesUnsuitable for a checkpoint that estimates numbers, where labels are asked about."""
    if checkpoint.metadata.head.targets:
        detail = f"Checkpoint {name} estimates numbers and knows no labels: ask its models by POST /predict."
        raise errors.ExamplesUnsuitable(detail, field="model_id")
