"""A checkpoint ready to use: encode, adapt to support sets, predict for adapted models; T tasks in each call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from models.checkpoint import Checkpoint
from models.encoders.interface import Encode
from models.estimates.expectation import expect
from models.estimates.familiarity import MEANS, class_means, familiarity
from models.heads.linear import HEAD, HEAD_BIAS, example_losses, logits, masked
from models.initializations.adapted import Adapted, origin
from models.initializations.mixture import WEIGHTS
from models.initializations.starts import Starts, choose_starts
from models.inner_loop import Observer, inner_loop
from models.networks.statistics import named, statistics_of
from models.parameters import Parameters, gather, select
from models.tasks import Support, TaskBatch, class_sizes, collate, pad_to

PER_CLASS = (*HEAD, MEANS)


@dataclass(frozen=True)
class Adaptation:
    """What adapting gave: the model, its loss before each step and after the last, and how each support image fares."""

    adapted: Adapted
    losses: list[float]
    image_losses: list[float]
    image_correct: list[bool]
    expected_accuracy: float | None = None
    """Of new images, by cross-validation; None where the checkpoint has no calibration or no class two images."""
    learning_curve: Sequence[tuple[int, float]] = ()
    """Images a class, and the share of those left out that heads made of so few get right, before the steps."""
    initialization: Mapping[str, float] = field(default_factory=dict)
    """Where it started: the shares of the checkpoint's initializations, by name; empty where there is but one."""


@dataclass(frozen=True)
class Answers:
    """What a model says of Q images: class probabilities [Q, N], and how near each is to what it knows."""

    probabilities: Tensor
    familiarity: Tensor | None = None
    """Largest cosine of an image's features with a class mean [Q]; None where the checkpoint has no calibration."""

    def to(self, device: torch.device) -> "Answers":
        """Return the same on another device."""
        return Answers(self.probabilities.to(device), None if self.familiarity is None else self.familiarity.to(device))


class Learner:
    """A meta-initialization on a device. Not thread-safe: one thread owns it."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.architecture = checkpoint.metadata.build(bounded=True)
        self.initialization = checkpoint.initialization.to(device)
        self.mixture = checkpoint.mixture and checkpoint.mixture.to(device)
        self._calibration = checkpoint.metadata.calibration
        self._temperature = self._calibration.temperature if self._calibration else 1.0

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
        return self._conclude(supports, batch, starts, parameters, losses, gradient.first_features)

    @torch.no_grad()
    def predict(
        self, models: Sequence[Adapted], queries: Sequence[Tensor], transductive: bool = False
    ) -> list[Answers]:
        """Return each adapted model's answers about its encoded queries [Q, ...].

        Batch norm uses the statistics of the support set, so a query's answer depends on nothing but the query;
        `transductive` uses those of each model's queries together instead.
        """
        ways = max(model.ways for model in models)
        network, theta = self.architecture.network, self.initialization.parameters
        own = [model.parameters(network, theta, self.mixture) for model in models]
        parameters = gather([_pad_classes(each, ways) for each in own])
        batch = TaskBatch.unlabelled(queries, [model.ways for model in models])
        frozen = None if transductive else statistics_of(parameters)
        features, _ = network(parameters, batch.x, batch.weights, frozen)
        scores = masked(logits(parameters, features), batch)
        probabilities = (scores / self._temperature).softmax(dim=2)
        nearest = familiarity(features, parameters[MEANS]) if MEANS in parameters else None
        sizes = [(len(query), model.ways) for query, model in zip(queries, models, strict=True)]
        return [
            Answers(probabilities[task, :size, :classes], None if nearest is None else nearest[task, :size])
            for task, (size, classes) in enumerate(sizes)
        ]

    def bytes_needed(self, tasks: int, examples: int) -> int:
        """Return about what it takes to adapt to so many examples of each of T tasks; to predict takes less."""
        return self.architecture.bytes_needed(tasks, examples)

    def warm_up(self) -> None:
        """Adapt to blank examples and ask about one, so that what is compiled at its first use is. It takes seconds."""
        about = self.checkpoint.metadata
        ways = about.head.fixed_ways or 2
        blank = self.encode(about.input.blank(ways))
        support = Support(blank, torch.arange(ways), ways, steps=1, learning_rate=about.inner.learning_rate)
        (made,) = self.adapt([support])
        self.predict([made.adapted], [blank[:1]])

    def _starts(self, supports: Sequence[Support], batch: TaskBatch) -> Starts | None:
        """Return where the tasks start between the initializations of the mixture; None where there is none."""
        spec, theta = self.checkpoint.metadata.mixture, self.initialization.parameters
        if self.mixture is None or spec is None:
            return None
        return choose_starts(self.architecture, theta, self.mixture, spec, supports, batch)

    def _schedule(self, supports: Sequence[Support], batch: TaskBatch) -> Iterator[tuple[TaskBatch, Tensor]]:
        """Yield the full support sets for each step, with rate 0 for tasks that have taken all their steps."""
        steps = max(support.steps for support in supports)
        rates = torch.tensor([support.learning_rate for support in supports], device=self.device)
        share = self.checkpoint.metadata.inner.share
        for step in range(steps):
            shares = torch.tensor([share(step, support.steps) if step < support.steps else 0 for support in supports])
            yield batch, rates * shares.to(self.device)

    @torch.no_grad()
    def _conclude(
        self,
        supports: Sequence[Support],
        batch: TaskBatch,
        starts: Starts | None,
        parameters: Parameters,
        losses: list[Tensor],
        before: Tensor | None,
    ) -> list[Adaptation]:
        """Freeze the support set's statistics under the final weights, and see how its examples fare.

        `before` are the features [T, B, F] before the first step; None where there was none, or they weren't kept.
        """
        parameters, statistics, features, scores = self.architecture.conclude(parameters, batch)
        priors = self._priors(supports, batch)
        parameters, scores = parameters | {HEAD_BIAS: parameters[HEAD_BIAS] + priors}, scores + priors.unsqueeze(1)
        final = example_losses(scores, batch.labels)
        correct = scores.argmax(dim=2) == batch.labels
        tensors = parameters | named(statistics)
        if self._calibration:
            tensors[MEANS] = class_means(features, batch.labels, int(batch.ways.max()))
        seen = features if before is None else before
        adaptations = []
        for task, support in enumerate(supports):
            own = slice(len(support.labels))
            labels, ways = batch.labels[task, own], support.ways
            held_out, weights = (starts.held_out[task], starts.weights[task]) if starts else (None, None)
            expected = expect(self._calibration, self.architecture.head, seen[task, own], labels, ways, held_out)
            adaptations.append(
                Adaptation(
                    adapted=self._packed(_trim_classes(select(tensors, task), ways), weights),
                    losses=[*(float(loss[task]) for loss in losses[: support.steps]), float(final[task, own].mean())],
                    image_losses=final[task, own].tolist(),
                    image_correct=correct[task, own].tolist(),
                    expected_accuracy=expected.accuracy,
                    learning_curve=expected.curve,
                    initialization=self._named(weights),
                )
            )
        return adaptations

    def _priors(self, supports: Sequence[Support], batch: TaskBatch) -> Tensor:
        """Return what is added to classes' logits [T, N]: 0, or the log of their shares where these are to be expected.

        It makes a classifier for classes that come alike one for these (logit adjustment, Menon et al. 2021).
        """
        sizes = class_sizes(batch.labels, int(batch.ways.max())).clamp_min(1)
        shares = sizes / sizes.sum(dim=1, keepdim=True)
        asked = torch.tensor([support.by_frequency for support in supports], device=shares.device)
        return shares.log() * self._temperature * asked[:, None]

    def _packed(self, tensors: Parameters, weights: Tensor | None) -> Adapted:
        """Return a task's tensors as they are kept, with the weights [M] of where it started."""
        start = origin(self.initialization.parameters, self.mixture, weights)
        packed = self.architecture.network.pack(tensors, start, coarse=(MEANS,))
        return Adapted(packed if weights is None else packed | {WEIGHTS: weights.half()})

    def _named(self, weights: Tensor | None) -> dict[str, float]:
        spec = self.checkpoint.metadata.mixture
        return {} if weights is None or spec is None else spec.named(weights.tolist())


def _pad_classes(tensors: Parameters, ways: int) -> Parameters:
    return tensors | {name: pad_to(tensors[name], ways) for name in PER_CLASS if name in tensors}


def _trim_classes(tensors: Parameters, ways: int) -> Parameters:
    return tensors | {name: tensors[name][:ways].clone() for name in PER_CLASS if name in tensors}
