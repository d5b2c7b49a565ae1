"""A training run: meta steps, with validation, events and saves along the way."""

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from meta_training.config import TrainConfig
from meta_training.data.meta_batches import draw_meta_batch
from meta_training.data.splits import Split
from meta_training.errors import RunError
from meta_training.evaluation.accuracy import evaluate, standard_settings
from meta_training.memory import resident_megabytes
from meta_training.pretrained import start
from meta_training.ranks import ALONE, Ranks
from meta_training.reptile import annealed, change_since, meta_step
from meta_training.run_folder import Progress, RunFolder
from models.architecture import MetaInitialization, shared_moments
from models.checkpoint import Checkpoint
from models.inner_loop import inner_loop
from models.learner import Learner
from models.metadata import CheckpointMetadata
from models.parameters import Parameters
from models.tasks import TaskBatch


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How often a run looks up from its work, in meta steps; it decides nothing of the result."""

    log: int = 10
    save: int = 100
    validate: int = 500
    episodes: int = 100


class Training:
    """A run in progress, on one process or on several that agree after every meta step.

    `stop` on any of them ends it on all, saved.
    """

    def __init__(
        self,
        config: TrainConfig,
        metadata: CheckpointMetadata,
        split: Split,
        folder: RunFolder,
        device: torch.device,
        schedule: Schedule = Schedule(),
        ranks: Ranks = ALONE,
    ) -> None:
        split.training.require(config.ways[1], config.shots)
        if config.validation:
            standard_settings(metadata, split.validation)  # what cannot be validated is said now, not at the first one
        self.config = config
        self.metadata = metadata
        self.architecture = metadata.build()
        self.device = device
        self.ranks = ranks
        theta, self.encoder = start(self.architecture, config.encoder, config.seed)
        self.theta = theta.to(device)
        self.progress = Progress()
        self.stopped = False
        self.asked_to_stop = False
        self._tasks = ranks.share(config.meta_batch)
        self._split = split
        self.folder = folder
        self._schedule = schedule

    def resume(self) -> None:
        """Goes on from the folder's last save, which keeps its provenance. Raises RunError where that cannot be."""
        checkpoint, self.progress = self.folder.resume(self.config, fingerprint(self._split))
        self.metadata = checkpoint.metadata
        self.theta = checkpoint.initialization.to(self.device)

    def stop(self) -> None:
        """Asks the run to save and end after its current meta step, or the next."""
        self.asked_to_stop = True

    @property
    def done(self) -> bool:
        """Whether all meta steps are taken."""
        return self.progress.step == self.config.meta_steps

    def run(self) -> None:
        """Takes the remaining meta steps, or those until `stop`."""
        if not self.ranks.first:
            while not (self.done or self.stopped):
                self._advance()
            return
        total, done = self.config.meta_steps, self.progress.step
        with (
            SummaryWriter(str(self.folder.events), purge_step=done + 1 if done else None) as events,
            tqdm(total=total, initial=done, desc=self.config.name, unit="step") as bar,
        ):
            while not (self.done or self.stopped):
                losses = self._advance()
                bar.update()
                self._look_up(losses, events, bar)
        self._save()

    def _advance(self) -> list[float]:
        started = time.monotonic()
        losses = self.meta_step()
        self.progress.step += 1
        self.progress.seconds += time.monotonic() - started
        return losses

    def _look_up(self, losses: list[float], events: SummaryWriter, bar: "tqdm[None]") -> None:
        step = self.progress.step
        if step % self._schedule.log == 0:
            self._log(losses, events, bar)
        if self.config.validation and (step % self._schedule.validate == 0 or self.done):
            self._validate(events)
        if step % self._schedule.save == 0:
            self._save()

    def meta_step(self) -> list[float]:
        """One meta step; returns the mean loss of its tasks before each inner step."""
        step = self.progress.step
        batch = draw_meta_batch(self.config, self._split.training, step, self._tasks).to(self.device)
        losses: list[float] = []

        def adapt(theta: MetaInitialization) -> tuple[Parameters, Parameters, int]:
            phi, moments = self.architecture.start(theta, batch.support)
            gradient, optimizer = self.architecture.gradient(self.device), self.architecture.optimizer

            def take(batches: Sequence[tuple[TaskBatch, Tensor]], before: int) -> list[Tensor]:
                return inner_loop(gradient, phi, moments, batches, optimizer, theta.count + before)

            minibatches = list(batch.minibatches())
            change, taken = change_since(self.config.first_counted, theta.parameters, phi, minibatches, take)
            means, counts = shared_moments(theta.moments, moments, batch.support.ways)
            change, means, averages = self._agree(change, means, counts, torch.stack(taken).mean(dim=1))
            losses.extend(averages.tolist())
            return change, means, len(taken)

        epsilon = annealed(step, self.config.meta_steps, self.config.epsilon)
        self.theta = meta_step(self.theta, adapt, epsilon)
        if not math.isfinite(losses[-1]):
            raise RunError(f"The loss became {losses[-1]} at meta step {step}: lower the learning rate.")
        return losses

    def _agree(
        self, change: Parameters, moments: Parameters, counts: dict[str, int], losses: Tensor
    ) -> tuple[Parameters, Parameters, Tensor]:
        """Direction, second moments and losses over the tasks of all processes, and whether one was asked to stop."""
        asked = torch.tensor(float(self.asked_to_stop), device=self.device)
        own = {"losses": losses, "asked to stop": asked}
        own |= {f"change of {name}": tensor for name, tensor in change.items()}
        weights = dict.fromkeys(own, len(self._tasks)) | {f"moment of {name}": count for name, count in counts.items()}
        means = self.ranks.mean(own | {f"moment of {name}": tensor for name, tensor in moments.items()}, weights)
        self.stopped = bool(means["asked to stop"] > 0)
        return (
            {name: means[f"change of {name}"] for name in change},
            {name: means[f"moment of {name}"] for name in moments},
            means["losses"],
        )

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

    def checkpoint(self) -> Checkpoint:
        """What the run has come to."""
        return Checkpoint(self.metadata, self.theta, digest="", encoder=self.encoder)

    def learner(self) -> Learner:
        """The learner as it stands, to evaluate."""
        return Learner(self.checkpoint(), self.device)

    def _save(self) -> None:
        self.folder.save(self.config, fingerprint(self._split), self.checkpoint(), self.progress)


def fingerprint(split: Split) -> str:
    """The SHA-256 of which classes a split trains on, validates with and keeps for test."""
    parts = [part.names for part in (split.training, split.validation, split.test)]
    return sha256(json.dumps(parts).encode()).hexdigest()
