"""A checkpoint ready to use: encode, adapt to support sets, predict for adapted models; T tasks in each call."""

from collections.abc import Iterator, Sequence
from functools import cached_property

import torch
from torch import Tensor

from models.checkpoint import Checkpoint
from models.encoders.interface import Encode
from models.estimates.familiarity import LEVEL, MEANS, START_MEANS
from models.estimates.known import looks
from models.estimates.temperature import TEMPERATURE
from models.heads.linear import logits, masked, pad_classes
from models.initializations.adapted import Adaptation, Adapted, Answers
from models.initializations.conclusion import Conclusion, Steps
from models.initializations.starts import Starts, choose_starts
from models.initializations.unpacking import Unpacker
from models.inner_loop import Observer, inner_loop
from models.networks.statistics import statistics_of
from models.parameters import Parameters, gather
from models.tasks import Support, TaskBatch, collate

OF_ANSWERS = (MEANS, START_MEANS, LEVEL, TEMPERATURE)
"""Names of tensors that tell how to answer."""
SENT_TOGETHER = 100
"""Steps whose learning rates go to the device at once: a GPU's host waits for each copy."""


class Learner:
    """A meta-initialization on a device. Not thread-safe: one thread owns it."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.architecture = checkpoint.metadata.build(bounded=True)
        self.initialization = checkpoint.initialization.to(device)
        self.mixture = checkpoint.mixture and checkpoint.mixture.to(device)
        self._calibration = checkpoint.metadata.calibration
        self._conclude = Conclusion(
            self.architecture,
            self._calibration,
            self.initialization.parameters,
            self.mixture,
            checkpoint.metadata.mixture,
        )
        self._unpack = Unpacker(self.architecture.network, self.initialization.parameters, self.mixture)

    @cached_property
    def _encode(self) -> Encode:
        about, threads = self.checkpoint.metadata, torch.get_num_threads()
        return about.encoder.build(self.checkpoint.encoder, about.input, self.device, threads)

    def encode(self, examples: Tensor) -> Tensor:
        """Return what the adaptable network takes of examples [B, ...], on the device.

        What isn't of the input's type was encoded before, as a training run does with all its examples.
        """
        if examples.dtype != self.checkpoint.metadata.input.dtype:
            return examples.to(self.device, torch.float32)
        return self._encode(examples)

    def adapt(self, supports: Sequence[Support], observe: Observer | None = None) -> list[Adaptation]:
        """Adapt to every support set, in one batched inner loop over full support sets.

        A support set's result doesn't depend on the others, nor on the order of its examples or classes, to float
        tolerance. `observe` is told of each step. Raises SupportError where a set does not fit the head.
        """
        for support in supports:
            self.architecture.head.check(support.ways)
        batch = collate(supports)
        starts = self._starts(supports, batch)
        origins = starts.parameters if starts else None
        parameters, moments = self.architecture.start(self.initialization, batch, origins)
        gradient = self.architecture.gradient(self.device)
        losses = inner_loop(
            gradient,
            parameters,
            moments,
            self._schedule(supports, batch),
            self.architecture.optimizer,
            self.initialization.count,
            observe,
        )
        return self._conclude(supports, batch, Steps(parameters, losses, gradient.first_features, starts))

    @torch.no_grad()
    def predict(
        self, models: Sequence[Adapted], queries: Sequence[Tensor], transductive: bool = False
    ) -> list[Answers]:
        """Return each adapted model's answers about its encoded queries [Q, ...].

        Each is answered by itself, or with `transductive` by what it and the model's others look like together.
        """
        ways = max(model.ways for model in models)
        own, origins = zip(*map(self._unpack, models), strict=True)
        parameters = gather([pad_classes(_without(each, *OF_ANSWERS), ways) for each in own])
        batch = TaskBatch.unlabelled(queries, [model.ways for model in models])
        frozen = None if transductive else statistics_of(parameters)
        features, _ = self.architecture.network(parameters, batch.x, batch.weights, frozen)
        scores = masked(logits(parameters, features), batch)
        if transductive:
            scores = self.architecture.head.together(scores, features, batch)
        said = self.architecture.head.answers(scores / self._temperatures(own))
        starts = self._start_features(origins, own, batch)
        answers = []
        for task, (query, model) in enumerate(zip(queries, models, strict=True)):
            start = starts.get(task)
            seen = features[task, : len(query)], None if start is None else start[: len(query)]
            found = looks(self._calibration, own[task], *seen)
            answers.append(Answers(said[task, : len(query), : model.ways], found, seen[0]))
        return answers

    def bytes_needed(self, tasks: int, examples: int) -> int:
        """Return about what it takes to adapt to so many examples of each of T tasks; to predict takes less."""
        return self.architecture.bytes_needed(tasks, examples)

    def warm_up(self) -> None:
        """Adapt to blank examples and ask about one, so that what is compiled at its first use is. It takes seconds."""
        about = self.checkpoint.metadata
        ways = about.head.targets or about.head.fixed_ways or 2
        blank = self.encode(about.input.blank(ways))
        targets = torch.zeros(ways, ways) if about.head.targets else None
        labels = torch.zeros(ways, dtype=torch.long) if about.head.targets else torch.arange(ways)
        support = Support(blank, labels, ways, 1, about.inner.learning_rate, targets=targets)
        (made,) = self.adapt([support])
        self.predict([made.adapted], [blank[:1]])

    def _starts(self, supports: Sequence[Support], batch: TaskBatch) -> Starts | None:
        """Return where the tasks start between the initializations of the mixture; None where there is none."""
        spec, theta = self.checkpoint.metadata.mixture, self.initialization.parameters
        if self.mixture is None or spec is None:
            return None
        alike = self._calibration.near_copy if self._calibration else None
        return choose_starts(self.architecture, theta, self.mixture, spec, supports, batch, alike)

    def _temperatures(self, models: Sequence[Parameters]) -> Tensor:
        """Return each model's temperature [T, 1, 1]; models of earlier builds have the usual one."""
        usual = torch.tensor([self._calibration.temperature if self._calibration else 1.0])
        return torch.stack([each.get(TEMPERATURE, usual).to(self.device) for each in models]).view(-1, 1, 1)

    def _start_features(
        self, origins: Sequence[Parameters], own: Sequence[Parameters], batch: TaskBatch
    ) -> dict[int, Tensor]:
        """Return the features [Q, F] before the steps, by task, for the models that measure familiarity by these."""
        tasks = [task for task, tensors in enumerate(own) if START_MEANS in tensors]
        if not tasks:
            return {}
        features, _ = self.architecture.network(gather([origins[task] for task in tasks]), batch.x[tasks])
        return dict(zip(tasks, features, strict=True))

    def _schedule(self, supports: Sequence[Support], batch: TaskBatch) -> Iterator[tuple[TaskBatch, Tensor]]:
        """Yield the full support sets for each step, with rate 0 for tasks that have taken all their steps."""
        share = self.checkpoint.metadata.inner.share
        steps = range(max(support.steps for support in supports))
        for start in steps[::SENT_TOGETHER]:
            block = steps[start : start + SENT_TOGETHER]
            rates = torch.tensor(
                [[each.learning_rate * share(step, each.steps) for each in supports] for step in block]
            )
            for own in rates.to(self.device):
                yield batch, own


def _without(tensors: Parameters, *names: str) -> Parameters:
    return {name: tensor for name, tensor in tensors.items() if name not in names}
