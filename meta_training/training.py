"""A training run: Reptile's meta steps, with validation, events and saves along the way."""

import json
import math
import time
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from meta_training import reptile
from meta_training.config import TrainConfig
from meta_training.errors import RunError
from meta_training.evaluation import evaluate, standard_settings
from meta_training.memory import resident_megabytes
from meta_training.meta_batches import draw_meta_batch
from meta_training.run_folder import Progress, RunFolder
from meta_training.splits import Split
from models.architecture import MetaInitialization, shared_moments
from models.checkpoint import Checkpoint
from models.inner_loop import inner_loop
from models.learner import Learner
from models.metadata import CheckpointMetadata
from models.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How often a run looks up from its work, in meta steps; it decides nothing of the result."""

    log: int = 10
    save: int = 100
    validate: int = 500
    episodes: int = 100


class Training:
    """A run in progress. `stop` ends it after the meta step it is in, saved."""

    def __init__(
        self,
        config: TrainConfig,
        metadata: CheckpointMetadata,
        split: Split,
        folder: RunFolder,
        device: torch.device,
        schedule: Schedule = Schedule(),
    ) -> None:
        split.training.require(config.ways[1], config.shots)
        if config.validation:
            standard_settings(metadata, split.validation)  # what cannot be validated is said now, not at the first one
        self.config = config
        self.metadata = metadata
        self.architecture = metadata.build()
        self.device = device
        self.theta = self.architecture.initialize(config.seed).to(device)
        self.progress = Progress()
        self.stopped = False
        self._split = split
        self._folder = folder
        self._schedule = schedule

    def resume(self) -> None:
        """Goes on from the folder's last save, which keeps its provenance. Raises RunError where that cannot be."""
        checkpoint, self.progress = self._folder.resume(self.config, fingerprint(self._split))
        self.metadata = checkpoint.metadata
        self.theta = checkpoint.initialization.to(self.device)

    def stop(self) -> None:
        """Asks the run to save and end after its current meta step."""
        self.stopped = True

    @property
    def done(self) -> bool:
        """Whether all meta steps are taken."""
        return self.progress.step == self.config.meta_steps

    def run(self) -> None:
        """Takes the remaining meta steps, or those until `stop`."""
        total, done = self.config.meta_steps, self.progress.step
        with (
            SummaryWriter(str(self._folder.events), purge_step=done + 1 if done else None) as events,
            tqdm(total=total, initial=done, desc=self.config.name, unit="step") as bar,
        ):
            while not (self.done or self.stopped):
                self._advance(events, bar)
        self._save()

    def _advance(self, events: SummaryWriter, bar: "tqdm[None]") -> None:
        started = time.monotonic()
        losses = self.meta_step()
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - started
        bar.update()
        step = self.progress.step
        if step % self._schedule.log == 0:
            self._log(losses, events, bar)
        if self.config.validation and (step % self._schedule.validate == 0 or self.done):
            self._validate(events)
        if step % self._schedule.save == 0:
            self._save()

    def meta_step(self) -> list[float]:
        """One meta step of Reptile; returns the mean loss of its tasks before each inner step."""
        step = self.progress.step
        batch = draw_meta_batch(self.config, self._split.training, step).to(self.device)
        losses: list[float] = []

        def adapt(theta: MetaInitialization) -> tuple[Parameters, Parameters, int]:
            phi, moments = self.architecture.start(theta, batch.support)
            optimizer = self.architecture.optimizer
            taken = inner_loop(self.architecture.loss, phi, moments, batch.minibatches(), optimizer, theta.count)
            losses.extend(float(values.mean()) for values in taken)
            return phi, shared_moments(theta.moments, moments, batch.support.ways), len(taken)

        self.theta = reptile.meta_step(
            self.theta, adapt, reptile.annealed(step, self.config.meta_steps, self.config.epsilon)
        )
        if not math.isfinite(losses[-1]):
            raise RunError(f"The loss became {losses[-1]} at meta step {step}: lower the learning rate.")
        return losses

    def _log(self, losses: list[float], events: SummaryWriter, bar: "tqdm[None]") -> None:
        step, first, last = self.progress.step, losses[0], losses[-1]
        memory = resident_megabytes()
        self.progress.losses.append({"step": step, "first": first, "last": last, "memory": memory})
        events.add_scalar("loss/first inner step", first, step)
        events.add_scalar("loss/last inner step", last, step)
        events.add_scalar("memory/resident MB", memory, step)
        bar.set_postfix_str(f"loss {first:.3f} → {last:.3f}")

    def _validate(self, events: SummaryWriter) -> None:
        step = self.progress.step
        classes, episodes = self._split.validation, self._schedule.episodes
        settings = standard_settings(self.metadata, classes)
        scores = [evaluate(self.learner(), classes, setting, episodes) for setting in settings]
        for result in scores:
            events.add_scalar(f"validation/{result.setting}", result.accuracy, step)
        self.progress.validation.append({"step": step, "scores": [result.document() for result in scores]})
        tqdm.write(f"step {step}: " + ", ".join(f"{result.setting} {result}" for result in scores))

    def learner(self) -> Learner:
        """The learner as it stands, to evaluate."""
        return Learner(Checkpoint(self.metadata, self.theta, digest=""), self.device)

    def _save(self) -> None:
        self._folder.save(self.config, fingerprint(self._split), self.metadata, self.theta, self.progress)


def fingerprint(split: Split) -> str:
    """The SHA-256 of which classes a split trains on, validates with and keeps for test."""
    parts = [part.names for part in (split.training, split.validation, split.test)]
    return sha256(json.dumps(parts).encode()).hexdigest()
