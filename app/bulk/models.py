"""Models by which a job classifies: of a store, a file of one, or exported as ONNX."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from app.bulk.errors import ModelUnusable
from app.errors import RecordError
from app.settings import Settings
from app.store import Stored, open_store
from app.store.ids import ID
from app.store.model_file import encode, header_of, tensors_of
from models.checkpoint import load_checkpoint
from models.devices import pick_device
from models.encoders.onnx_session import OnnxSession
from models.export.description import PROBABILITIES
from models.export.graph import EXAMPLES
from models.export.onnx_file import KNOWN
from models.initializations.adapted import Adapted
from models.inputs.image import ImageInput
from models.inputs.interface import Input
from models.learner import Learner
from models.parameters import move
from models.parts import import_parts

ONNX_IMAGES = 8  # at a time, which stay in the caches


@dataclass(frozen=True, kw_only=True)
class Predictor(ABC):
    """A model that classifies. For one thread."""

    digest: str
    """What tells it from every other model."""
    classes: Sequence[str]
    min_scores: Mapping[str, float] = field(default_factory=dict)
    """Least scores of classes."""
    input: Input

    @property
    @abstractmethod
    def device(self) -> str:
        """Where it computes: cpu or cuda."""

    @abstractmethod
    def predict(self, examples: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return class probabilities [B, N] of examples [B, ...], and whether each looks like the classes [B]."""


@dataclass(frozen=True, kw_only=True)
class StoredPredictor(Predictor):
    """A model of a store, over the checkpoint that it was adapted from."""

    learner: Learner
    adapted: Adapted

    @property
    def device(self) -> str:
        """See Predictor."""
        return self.learner.device.type

    def predict(self, examples: Tensor) -> tuple[Tensor, Tensor | None]:
        """See Predictor."""
        (answers,) = self.learner.predict([self.adapted], [self.learner.encode(examples)])
        return answers.probabilities, answers.looks.known


@dataclass(frozen=True, kw_only=True)
class OnnxPredictor(Predictor):
    """A model that was exported as ONNX, which needs no checkpoint."""

    session: OnnxSession

    @property
    def device(self) -> str:
        """See Predictor."""
        return self.session.device.type

    def predict(self, examples: Tensor) -> tuple[Tensor, Tensor | None]:
        """See Predictor."""
        outputs = [name for name in (PROBABILITIES, KNOWN) if name in self.session.outputs]
        parts = [self.session.run([part], outputs) for part in torch.split(examples, ONNX_IMAGES)]
        probabilities, *known = (torch.cat(each) for each in zip(*parts, strict=True))
        return probabilities, known[0] if known else None


def open_model(name: str, settings: Settings, tenant: str = "") -> Predictor:
    """Return the model of this id in the tenant's part of the store, or in this file, on the settings' device.

    Raises KshotError, ModelUnusable among them.
    """
    if ID.fullmatch(name):
        return _over_checkpoint(open_store(settings).of(tenant).get(name), settings)
    path = Path(name)
    if not path.is_file():
        detail = f"{name} is neither the id of a model, which has 32 digits from 0 to f, nor a file."
        raise ModelUnusable(f"{detail} `kshot models list` shows the ids that a server has.")
    if path.suffix.lower() == ".onnx":
        return _exported(path, settings)
    return _over_checkpoint(_stored(path), settings)


def _stored(path: Path) -> Stored:
    """Return a model from a file as stores have them. Raises ModelUnusable."""
    contents = path.read_bytes()
    try:
        return Stored(header_of(contents, len(contents)).record, tensors_of(contents))
    except RecordError as error:
        raise ModelUnusable(f"{path}: {error}") from error
    except Exception as error:  # whatever bytes make json and safetensors raise
        detail = f"{path} is no model as a store keeps it ({type(error).__name__}: {error})."
        remedy = "Give the model's id, its file in the store, or export it as ONNX."
        raise ModelUnusable(f"{detail} {remedy}") from error


def open_learner(name: str, settings: Settings) -> Learner:
    """Return the learner of the checkpoint of this name, on the settings' device. Raises KshotError."""
    if settings.threads:
        torch.set_num_threads(settings.threads)
    import_parts(settings.parts)
    return Learner(load_checkpoint(settings.checkpoints / f"{name}.safetensors"), pick_device(settings.device))


def _over_checkpoint(stored: Stored, settings: Settings) -> StoredPredictor:
    record = stored.record
    learner = open_learner(record.checkpoint.name, settings)
    checkpoint = learner.checkpoint
    if (kind := checkpoint.metadata.input.field) != "images":
        detail = f"Model {record.id} takes {kind}, and bulk jobs classify pictures."
        raise ModelUnusable(f"{detail} `kshot predict {record.id} table.csv --csv` takes a table of any length.")
    if not checkpoint.serves(record.checkpoint.digest):
        detail = (
            f"Model {record.id} was adapted from another checkpoint {record.checkpoint.name} "
            f"({record.checkpoint.digest}) than the one in {settings.checkpoints}. Set KSHOT_CHECKPOINTS."
        )
        raise ModelUnusable(detail)
    return StoredPredictor(
        digest=sha256(encode(replace(stored, revision=""))).hexdigest(),
        classes=record.classes,
        min_scores=record.min_scores,
        input=checkpoint.metadata.input,
        learner=learner,
        adapted=Adapted(move(dict(stored.tensors), learner.device)),
    )


def _exported(path: Path, settings: Settings) -> OnnxPredictor:
    contents = path.read_bytes()
    device = pick_device(settings.device)
    try:
        session = OnnxSession(contents, EXAMPLES, PROBABILITIES, device, settings.threads or torch.get_num_threads())
        about = {name: json.loads(session.about[name]) for name in ("labels", "preprocessing")}
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise ModelUnusable(f"{path} is no model that kshot exported ({error}). Export it anew.") from error
    picture = about["preprocessing"]
    if "mode" not in picture:
        raise ModelUnusable(f"{path} takes no pictures, and bulk jobs classify pictures.")
    channels: Literal[1, 3] = 1 if picture["mode"] == "L" else 3
    source = ImageInput(channels=channels, size=picture["size"], fit=picture["fit"])
    return OnnxPredictor(digest=sha256(contents).hexdigest(), classes=about["labels"], input=source, session=session)
