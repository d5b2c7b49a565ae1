"""Adaptation for tenants, as services are usually written: a copy of the module, torch.optim, a state_dict a model."""

from collections.abc import Sequence
from typing import Any, Protocol
from uuid import uuid4

import torch
from torch import Tensor

from benchmarks.load.plain_drawings import PlainDrawings
from benchmarks.photo_plain import PlainWay
from models.checkpoint import SHIPPED, load_checkpoint

State = dict[str, Tensor]


class Way(Protocol):
    """A learner without batches: one task, one model."""

    def decode(self, files: Sequence[bytes]) -> Tensor:
        """Pictures uint8 [B, C, H, W]."""

    def encode(self, images: Tensor) -> Tensor:
        """What the adaptable network takes."""

    def adapt(self, x: Tensor, labels: Tensor, ways: int, steps: int | None = None) -> Any:
        """A model that is adapted to these images."""

    def state(self, model: Any) -> State:
        """What there is to keep of it."""

    def restore(self, state: State) -> Any:
        """The model of a state."""

    def predict(self, model: Any, x: Tensor) -> Tensor:
        """Logits [B, N]."""


class Tenants:
    """Everybody's models, in memory."""

    def __init__(self, checkpoint: str) -> None:
        self.way = _way(checkpoint)
        self.models: dict[str, tuple[State, list[str]]] = {}

    def adapt(self, files: Sequence[bytes], labels: Sequence[str], steps: int | None) -> str:
        """The id of a new model."""
        classes = list(dict.fromkeys(labels))
        numbers = torch.tensor([classes.index(label) for label in labels])
        model = self.way.adapt(self._encode(files), numbers, len(classes), steps)
        model_id = uuid4().hex
        self.models[model_id] = self.way.state(model), classes
        return model_id

    def predict(self, model_id: str, files: Sequence[bytes]) -> list[str]:
        """A label for each picture."""
        state, classes = self.models[model_id]
        logits = self.way.predict(self.way.restore(state), self._encode(files))
        return [classes[number] for number in logits.argmax(dim=1).tolist()]

    def _encode(self, files: Sequence[bytes]) -> Tensor:
        return self.way.encode(self.way.decode(files))


def _way(checkpoint: str) -> Way:
    loaded = load_checkpoint(SHIPPED / f"{checkpoint}.safetensors")
    return PlainWay(loaded) if loaded.metadata.network.type == "last-block" else PlainDrawings(loaded)
