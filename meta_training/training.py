"""A training run: meta steps, and along the way validation, TensorBoard events and saves."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import psutil
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from meta_training.config import TrainConfig
from meta_training.data.held_out_tasks import HeldOutDistribution
from meta_training.data.meta_batches import EpisodeDistribution
from meta_training.data.splits import Split
from meta_training.errors import RunError
from meta_training.evaluation.accuracy import evaluate, standard_settings
from meta_training.ranks import ALONE, Ranks
from meta_training.reptile import ALGORITHMS, TaskDistribution, annealed
from meta_training.run_folder import Progress, RunFolder
from models.architecture import Architecture, MetaInitialization
from models.checkpoint import Checkpoint
from models.encoders.interface import Encoder
from models.learner import Learner
from models.metadata import CheckpointMetadata
from models.parameters import Parameters


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """Meta steps between logs, saves and validations, and episodes of a validation. Weights don't depend on it."""

    log: int = 10
    save: int = 100
    validate: int = 500
    episodes: int = 100


class Training:
    """A run in progress, on one process or on several that average after each meta step.

    Raises DataError where the classes are too few or too small for the configuration, and RunError where there are more
    processes than tasks in a meta step: both before any work.
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
            standard_settings(metadata, split.validation)  # fail now, not at the first validation
        self.config = config
        self.metadata = metadata
        self.architecture = metadata.build()
        self.device = device
        self.ranks = ranks
        theta, self.encoder = start(self.architecture, config.encoder, config.seed)
        self.theta = self._start = theta.to(device)
        self.progress = Progress()
        self.asked_to_stop = False
        ranks.share(config.meta_batch)  # fail now, not at the first meta step
        self._distribution = _distribution(config, split, self.architecture, device)
        self._split = split
        self.folder = folder
        self._schedule = schedule

    def resume(self) -> None:
        """Go on from the folder's last save, with the metadata of it: they name the command that began the run.

        Raises RunError where there is no such save, or it is of another configuration or of other classes.
        """
        checkpoint, self.progress = self.folder.resume(self.config, fingerprint(self._split))
        self.metadata = checkpoint.metadata
        self.theta = checkpoint.initialization.to(self.device)

    def stop(self) -> None:
        """Ask the run to save and end after its current meta step, on all processes."""
        self.asked_to_stop = True

    @property
    def done(self) -> bool:
        """Whether all meta steps are taken."""
        return self.progress.step == self.config.meta_steps

    def run(self) -> None:
        """Take the remaining meta steps, or those until a process is asked to stop; the first one reports and saves."""
        if self.ranks.first:
            self._run_and_report()
            return
        for _ in self._meta_steps():
            pass

    def _run_and_report(self) -> None:
        total, done = self.config.meta_steps, self.progress.step
        with (
            SummaryWriter(str(self.folder.events), purge_step=done + 1 if done else None) as events,
            tqdm(total=total, initial=done, desc=self.config.name, unit="step") as bar,
        ):
            for losses in self._meta_steps():
                bar.update()
                self._report(losses, events, bar)
        self._save()

    def _meta_steps(self) -> Iterator[list[float]]:
        """Take meta steps until all are done or a process is asked to stop; yield the losses of each."""
        while not (self.done or self.ranks.on_any(self.asked_to_stop, self.device)):
            started = time.monotonic()
            losses = self.meta_step()
            self.progress.step += 1
            self.progress.seconds += time.monotonic() - started
            yield losses

    def meta_step(self) -> list[float]:
        """Take one meta step; return its tasks' mean loss before each inner step.

        Raises RunError where the loss is no longer a number.
        """
        step, total = self.progress.step, self.config.meta_steps
        epsilon = annealed(step, total, self.config.epsilon)
        algorithm, tasks = ALGORITHMS[self.config.algorithm], self._distribution
        self.theta, losses = algorithm(self.theta, tasks, step, epsilon, self.ranks)
        if not losses[-1].isfinite():
            raise RunError(f"The loss became {losses[-1]:g} at meta step {step}: lower the learning rate.")
        found: list[float] = losses.tolist()
        return found

    def _report(self, losses: list[float], events: SummaryWriter, bar: "tqdm[None]") -> None:
        step = self.progress.step
        if step % self._schedule.log == 0:
            self._log(losses, events, bar)
        if self.config.validation and (step % self._schedule.validate == 0 or self.done):
            self._validate(events)
        if step % self._schedule.save == 0:
            self._save()

    def _log(self, losses: list[float], events: SummaryWriter, bar: "tqdm[None]") -> None:
        step, first, last = self.progress.step, losses[0], losses[-1]
        memory = _resident_megabytes()
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
            events.add_scalar(f"validation/{result.title}", result.accuracy, step)
        self.progress.validation.append({"step": step, "scores": [result.document() for result in scores]})
        tqdm.write(f"step {step}: " + ", ".join(f"{result.title} {result}" for result in scores))

    def checkpoint(self) -> Checkpoint:
        """Return the weights as they are now, as a checkpoint without a digest."""
        return Checkpoint(self.metadata, self.theta, digest="", encoder=self.encoder)

    def result(self) -> Checkpoint:
        """Return the same as far on the way as the run's `strength` says; of an initialization a mixture sees to it."""
        made, strength = self.checkpoint(), 1.0 if self.config.initialization else self.config.strength
        return replace(made, initialization=part_way(self._start, made.initialization, strength))

    def learner(self) -> Learner:
        """Return a learner of what the run would make now, to evaluate."""
        return Learner(self.result(), self.device)

    def _save(self) -> None:
        self.folder.save(self.config, fingerprint(self._split), self.checkpoint(), self.progress)


def _distribution(
    config: TrainConfig, split: Split, architecture: Architecture, device: torch.device
) -> TaskDistribution[Any]:
    if config.loss_shots == 0:
        return EpisodeDistribution(config, split.training, architecture, device)
    domains = list(split.training.by_domain().values()) if config.by_domain else [split.training]
    return HeldOutDistribution(config, domains, architecture, device)


def fingerprint(split: Split) -> str:
    """Return the SHA-256 of the names of a split's training, validation and test classes."""
    parts = [part.names for part in (split.training, split.validation, split.test)]
    return sha256(json.dumps(parts).encode()).hexdigest()


def part_way(start: MetaInitialization, end: MetaInitialization, share: float) -> MetaInitialization:
    """Return theta so far on the way from one to another; the second moment is the other's."""
    if share == 1:
        return end
    theta = {name: torch.lerp(start.parameters[name], tensor, share) for name, tensor in end.parameters.items()}
    return replace(end, parameters=theta)


def _resident_megabytes() -> float:
    """Return this process's resident memory in MB of 10⁶ bytes; a GPU's own is not counted."""
    return round(float(psutil.Process().memory_info().rss) / 1e6, 1)


def start(architecture: Architecture, encoder: Encoder, seed: int) -> tuple[MetaInitialization, Parameters]:
    """Return theta before the first meta step, and the encoder's weights: pretrained where they are, else fresh.

    Raises WeightsError where pretrained weights are not installed.
    """
    fresh = architecture.initialize(seed)
    theta = fresh.parameters | architecture.network.pretrained()
    return MetaInitialization(theta, fresh.moments), encoder.pretrained()
