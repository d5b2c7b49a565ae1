"""A run's folder on disk, so written that a kill at any moment loses at most the steps since the last save.

`state.json` is replaced whole and names the weights that belong to it; older weights are removed only after that.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from meta_training.config import TrainConfig
from meta_training.errors import RunError
from models.atomic_file import replace_file
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


@dataclass
class Progress:
    """How far a run has come: meta steps taken, the seconds they took, and the curves so far."""

    step: int = 0
    seconds: float = 0.0
    losses: list[dict[str, float]] = field(default_factory=list)
    """By logged meta step: the loss before the `first` and the `last` inner step, and the process's `memory` in MB."""
    validation: list[dict[str, Any]] = field(default_factory=list)
    """By validated meta step: its `scores`, as cards have them."""


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run: its state while it runs, its results when it is done."""

    path: Path

    @property
    def state(self) -> Path:
        """The file of the run's state."""
        return self.path / "state.json"

    @property
    def events(self) -> Path:
        """The folder of TensorBoard's events."""
        return self.path / "events"

    @property
    def weights(self) -> Path:
        """The folder of the last saved weights; not the run's own, where `kshot serve` is to find the result alone."""
        return self.path / "state"

    def start(self) -> None:
        """Make the folder. Raises RunError where that fails, or where it holds a run already."""
        make_folder(self.path)
        if self.state.exists():
            raise RunError(
                f"{self.path} holds a run already: go on with it by --resume, or name another folder by --out."
            )

    def require(self) -> None:
        """Raise RunError where the folder holds no run."""
        if not self.state.exists():
            raise RunError(f"{self.path} holds no run to resume. Start one without --resume.")

    def save(
        self,
        config: TrainConfig,
        classes: str,
        checkpoint: Checkpoint,
        progress: Progress,
    ) -> None:
        """Write the weights and progress of this meta step, then remove those of the save before.

        `classes` is the split's fingerprint.
        """
        make_folder(self.weights)
        current = self.weights / f"step-{progress.step:07d}.safetensors"
        save_checkpoint(current, checkpoint.metadata, checkpoint.initialization, checkpoint.encoder)
        document = {"config": config.document(), "classes": classes, "checkpoint": current.name, **vars(progress)}
        write_json(self.state, document)
        for file in self.weights.glob("step-*.safetensors"):
            if file != current:
                file.unlink()

    def resume(self, config: TrainConfig, classes: str) -> tuple[Checkpoint, Progress]:
        """Return the last saved weights and progress.

        Raises RunError where there are none, or they are of another configuration or of a split of another fingerprint.
        """
        self.require()
        saved, trained, file, progress = self._read()
        for name, value in config.document().items():
            if saved[name] != value:
                raise RunError(
                    f"The run in {self.path} has {name} = {saved[name]}, not {value}. "
                    "Resume it with its own options, or start another by --out."
                )
        if trained != classes:
            raise RunError(
                f"The run in {self.path} has other classes for training, validation and test than --data gives now. "
                "Resume it on its own data, or start another by --out."
            )
        return load_checkpoint(self.weights / file), progress

    def _read(self) -> tuple[dict[str, Any], str, str, Progress]:
        try:
            document = json.loads(self.state.read_text())
            config, classes, file = (document.pop(name) for name in ("config", "classes", "checkpoint"))
            return TrainConfig.read(config).document(), classes, str(file), Progress(**document)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"{self.state} is damaged. Start another run by --out.") from error


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are missing. Raises RunError where that fails."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be a folder ({error.strerror}). Name another by --out.") from error


def write_json(path: Path, document: Any) -> None:
    """Write a JSON file whole or not at all."""
    replace_file(path, (json.dumps(document, indent=1) + "\n").encode())
