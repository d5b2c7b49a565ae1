"""The checkpoints that a server has: its files, their learners on the device, and which one is meant by a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import torch

from app.errors import CheckpointMismatch, CheckpointUnknown
from app.settings import Settings
from models.checkpoint import Checkpoint, load_checkpoint
from models.devices import pick_device
from models.errors import CheckpointError
from models.learner import Learner
from models.parts import import_parts

log = structlog.stdlib.get_logger("kshot.engine")


@dataclass(frozen=True)
class Unavailable:
    """A checkpoint that needs what isn't installed: the kind of example that it takes, and what to say of it."""

    kind: str
    why: str

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Unavailable:
        """Return what there is to say of a checkpoint whose encoder misses something."""
        about = checkpoint.metadata
        why = f"needs packages that this server doesn't have: {about.encoder.missing()}, then start it again."
        return cls(about.input.field, why)


class CheckpointRegistry:
    """The checkpoints of a folder by name; `default` is that of requests that name none.

    Empty until `load` has run, in the engine's thread.
    """

    def __init__(
        self, folder: Path, default: str, device: str = "auto", threads: int | None = None, parts: str = ""
    ) -> None:
        self.folder = folder
        self.default = default
        self.learners: Mapping[str, Learner] = {}
        self.unavailable: Mapping[str, Unavailable] = {}
        self._device = device
        self._threads = threads
        self._parts = parts

    @classmethod
    def of(cls, settings: Settings) -> CheckpointRegistry:
        """Return the registry that the settings describe."""
        return cls(settings.checkpoints, settings.checkpoint, settings.device, settings.threads, settings.parts)

    def find(self) -> dict[str, Path]:
        """Return the checkpoint files by name. Raises CheckpointError if the default is not among them."""
        paths = {path.stem: path for path in sorted(self.folder.glob("*.safetensors"))}
        if self.default not in paths:
            raise CheckpointError(
                f"There is no {self.default}.safetensors in {self.folder}; it has: "
                f"{', '.join(paths) or 'no checkpoint'}. Set KSHOT_CHECKPOINT or KSHOT_CHECKPOINTS."
            )
        return paths

    def load(self) -> None:
        """Load every checkpoint onto the device, and warm it up. Raises CheckpointError, PartsError or DeviceError."""
        import_parts(self._parts)
        if self._threads:  # otherwise all cores
            torch.set_num_threads(self._threads)  # for this thread: OpenMP keeps the number of each
        device = pick_device(self._device)
        found = {name: load_checkpoint(path) for name, path in self.find().items()}
        self.unavailable = {
            name: Unavailable.of(each) for name, each in found.items() if each.metadata.encoder.missing()
        }
        if own := self.unavailable.get(self.default):
            raise CheckpointError(f"Checkpoint {self.default} {own.why} Or set KSHOT_CHECKPOINT to another.")
        for name, each in self.unavailable.items():
            log.warning("a checkpoint is left out", checkpoint=name, why=each.why)
        learners = {name: Learner(each, device) for name, each in found.items() if name not in self.unavailable}
        for learner in learners.values():
            learner.warm_up()
        self.learners = learners

    def digests(self) -> list[dict[str, str]]:
        """Return the name and digest of each checkpoint that is loaded."""
        return [{"checkpoint": name, "digest": each.checkpoint.digest} for name, each in self.learners.items()]

    def device_memory(self) -> dict[str, float]:
        """Return the bytes that tensors take on each GPU in use; nothing for a CPU."""
        devices = {each.device for each in self.learners.values() if each.device.type == "cuda"}
        return {str(device): torch.cuda.memory_allocated(device) for device in devices}

    def named(self, name: str | None, kinds: Sequence[str] = ()) -> tuple[str, Checkpoint]:
        """Return the checkpoint that a request names, and its name; else the default, or the first for such examples.

        `kinds` are of what the request brings, as inputs name it. Raises CheckpointUnknown.
        """
        name = name or self._default_for(kinds)
        if name not in self.learners:
            available = sorted(self.learners)
            if name in self.unavailable:
                detail = f"Checkpoint {name} {self.unavailable[name].why}"
                raise CheckpointUnknown(detail, field="checkpoint", available=available)
            detail = f"There is no checkpoint {name!r:.60}. Name one that this server has: {', '.join(available)}."
            raise CheckpointUnknown(detail, field="checkpoint", available=available)
        return name, self.learners[name].checkpoint

    def _default_for(self, kinds: Sequence[str]) -> str:
        """Return the name of the default checkpoint, or of the first that takes such examples where it takes others."""
        takes = {name: each.checkpoint.metadata.input.field for name, each in self.learners.items()}
        takes |= {name: each.kind for name, each in self.unavailable.items()}
        if not kinds or takes.get(self.default) in kinds:
            return self.default
        return next((name for kind in kinds for name, own in takes.items() if own == kind), self.default)

    def matching(self, model_id: str, name: str, digest: str) -> Checkpoint:
        """Return the checkpoint that a model was adapted from, by its name and digest, or one that serves its models.

        Raises CheckpointMismatch: over other weights the model means nothing.
        """
        learner = self.learners.get(name)
        if learner is None or not learner.checkpoint.serves(digest):
            detail = (
                f"Model {model_id} was adapted from checkpoint {name!r} ({digest}), "
                "which is not loaded here. Send its images to /adapt again, or ask whoever runs the server to load "
                "that file too."
            )
            raise CheckpointMismatch(detail, field="model_id")
        return learner.checkpoint
