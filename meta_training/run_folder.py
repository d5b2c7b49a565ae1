"""What a run keeps on disk, so that a kill at any moment loses at most the steps since the last save.

`state.json` is replaced whole, and names the checkpoint it belongs to; the file it named before goes only after that.
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
    """How far a run is: meta steps done, seconds they took, and the curves so far."""

    step: int = 0
    seconds: float = 0.0
    losses: list[dict[str, float]] = field(default_factory=list)
    """Per logged step: `first` and `last`, the loss before those inner steps, and `memory`, the process's, in MB."""
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

    @property
    def weights(self) -> Path:
        """Where the weights of the last save are: apart, so that the run's folder serves its result alone."""
        return self.path / "state"

    def start(self) -> None:
        """Makes the folder. Raises RunError where that cannot be, or a run lives there already."""
        make_folder(self.path)
        if self.state.exists():
            raise RunError(
                f"{self.path} holds a run already: go on with it by --resume, or name another folder by --out."
            )

    def require(self) -> None:
        """Raises RunError where no run lives."""
        if not self.state.exists():
            raise RunError(f"{self.path} holds no run to resume. Start one without --resume.")

    def save(
        self,
        config: TrainConfig,
        classes: str,
        checkpoint: Checkpoint,
        progress: Progress,
    ) -> None:
        """Writes weights and progress of this meta step, then drops those of the one before.

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
        """The last saved weights and progress.

        Raises RunError where there are none, or of another configuration, or of a split of another fingerprint.
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
    """Makes a folder and those above it, where they are missing. Raises RunError where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{path} cannot be a folder ({error.strerror}). Name another by --out.") from error


def write_json(path: Path, document: Any) -> None:
    """Replaces a JSON file whole."""
    replace_file(path, (json.dumps(document, indent=1) + "\n").encode())
