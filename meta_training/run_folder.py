"""What a run keeps on disk, so that a kill at any moment loses at most the steps since the last save.

`state.json` is replaced whole, and names the checkpoint it belongs to; the file it named before goes only after that.
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meta_training.config import TrainConfig
from meta_training.errors import RunError
from models.architecture import MetaInitialization
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.metadata import CheckpointMetadata


@dataclass
class Progress:
    """How far a run is: meta steps done, seconds they took, and the curves so far."""

    step: int = 0
    seconds: float = 0.0
    losses: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class RunFolder:
    """A run's folder: its state while it runs, its results when it is done."""

    path: Path

    @property
    def state(self) -> Path:
        """Where the state is written."""
        return self.path / "state.json"

    @property
    def events(self) -> Path:
        """Where TensorBoard's events go."""
        return self.path / "events"

    def start(self) -> None:
        """Makes the folder. Raises RunError where a run lives there already."""
        if self.state.exists():
            raise RunError(
                f"{self.path} holds a run already: go on with it by --resume, or name another folder by --out."
            )
        self.path.mkdir(parents=True, exist_ok=True)

    def save(
        self, config: TrainConfig, metadata: CheckpointMetadata, theta: MetaInitialization, progress: Progress
    ) -> None:
        """Writes weights and progress of this meta step, then drops those of the one before."""
        current = self.path / f"step-{progress.step:07d}.safetensors"
        save_checkpoint(current, metadata, theta)
        document = {"config": config.document(), "checkpoint": current.name, **vars(progress)}
        write_json(self.state, document)
        for file in self.path.glob("step-*.safetensors"):
            if file != current:
                file.unlink()

    def resume(self, config: TrainConfig) -> tuple[Checkpoint, Progress]:
        """The last saved weights and progress. Raises RunError where there are none, or of another configuration."""
        if not self.state.exists():
            raise RunError(f"{self.path} holds no run to resume. Start one without --resume.")
        document = json.loads(self.state.read_text())
        saved, asked = document.pop("config"), config.document()
        for name, value in asked.items():
            if saved.get(name) != value:
                raise RunError(
                    f"The run in {self.path} has {name} = {saved.get(name)}, not {value}. "
                    "Resume it with its own options, or start another by --out."
                )
        checkpoint = load_checkpoint(self.path / document.pop("checkpoint"))
        return checkpoint, Progress(**document)


def write_json(path: Path, document: Any) -> None:
    """Replaces a JSON file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(document, indent=1) + "\n")
    temporary.replace(path)
