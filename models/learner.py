"""A checkpoint ready to use: encode images, adapt to support sets, predict for adapted models; T tasks in each call."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from models.architecture import SolvedHeadGradient, image_losses
from models.checkpoint import Checkpoint
from models.encoders.efficientnet_lite.runtime import Encoder, build_encoder
from models.errors import SupportError
from models.estimates.estimates import class_means, expected_accuracy, held_out_probability, learning_curve
from models.heads.heads import HEAD, HEAD_BIAS, logits
from models.inner_loop import Observer, inner_loop
from models.networks.packing import pack, unpack
from models.parameters import Parameters, gather, select
from models.tasks import PADDING, Support, TaskBatch, collate, pad_stack, pad_to

STATISTICS = "statistics."  # prefix of the frozen batch-norm statistics among an adapted model's tensors
MEANS = "class.means"
PER_CLASS = (*HEAD, MEANS)
FLOAT = 4  # bytes
COPIES = 4  # of a task's weights while it adapts: they, v, the gradient, and room to step in


@dataclass(frozen=True)
class Adapted:
    """An adapted model: all that differs from its checkpoint, without a task dimension."""

    tensors: Parameters

    @property
    def ways(self) -> int:
        """N."""
        return len(self.tensors[HEAD_BIAS])


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


@dataclass(frozen=True)
class Answers:
    """What a model says of Q images: class probabilities [Q, N], and how near each is to what it knows."""

    probabilities: Tensor
    familiarity: Tensor | None = None
    """Largest cosine of an image's features with a class mean [Q]; None where the checkpoint has no calibration."""

    def to(self, device: torch.device) -> "Answers":
        """The same on another device."""
        return Answers(self.probabilities.to(device), None if self.familiarity is None else self.familiarity.to(device))


class Learner:
    """A meta-initialization on a device. Not thread-safe: one thread owns it."""

    def __init__(self, checkpoint: Checkpoint, device: torch.device) -> None:
        self.checkpoint = checkpoint
        self.device = device
        self.architecture = checkpoint.metadata.build(bounded=True)
        self.initialization = checkpoint.initialization.to(device)
        self._calibration = checkpoint.metadata.calibration
        self._temperature = self._calibration.temperature if self._calibration else 1.0

    @cached_property
    def _encoder(self) -> Encoder | None:
        spec = self.checkpoint.metadata.encoder
        if spec is None:
            return None
        return build_encoder(self.checkpoint.encoder, spec, self.device, threads=torch.get_num_threads())

    def encode(self, images: Tensor) -> Tensor:
        """uint8 [B, C, H, W] → what the adaptable network takes [B, ...], on the device.

        What was encoded before, floats, is not encoded again.
        """
        if images.is_floating_point():
            return images.to(self.device, torch.float32)
        if self._encoder is not None:
            return self._encoder(images).places
        return self.checkpoint.metadata.input.normalize(images.to(self.device))

    def adapt(self, supports: Sequence[Support], observe: Observer | None = None) -> list[Adaptation]:
        """Adapts to every support set in one batched inner loop over full support sets.

        A support set's result doesn't depend on the others, nor on the order of its images or classes, to float
        tolerance. `observe` is told of each step. Raises SupportError where a set does not fit the head.
        """
        for support in supports:
            self._check(support)
        batch = collate(supports)
        parameters, moments = self.architecture.start(self.initialization, batch)
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
        before = gradient.first if isinstance(gradient, SolvedHeadGradient) else None
        return self._conclude(supports, batch, parameters, losses, before)

    @torch.no_grad()
    def predict(
        self, models: Sequence[Adapted], queries: Sequence[Tensor], transductive: bool = False
    ) -> list[Answers]:
        """Each adapted model's answers about its encoded queries [Q, ...].

        Batch norm uses the statistics of the support set, so a query's answer depends on nothing but the query;
        `transductive` uses those of each model's queries together instead.
        """
        ways = max(model.ways for model in models)
        parameters = gather([_pad_classes(self._unpack(model.tensors), ways) for model in models])
        batch = TaskBatch(
            x=pad_stack(queries),
            labels=pad_stack(
                [torch.zeros(len(query), dtype=torch.long, device=self.device) for query in queries], PADDING
            ),
            ways=torch.tensor([model.ways for model in models], device=self.device),
        )
        frozen = None if transductive else _statistics(parameters)
        features, _ = self.architecture.network(parameters, batch.x, batch.weights, frozen)
        scores = self.architecture.mask(logits(parameters, features), batch)
        probabilities = (scores / self._temperature).softmax(dim=2)
        nearest = torch.bmm(features, parameters[MEANS].mT).amax(dim=2) if MEANS in parameters else None
        return [
            Answers(
                probabilities[task, : len(query), : model.ways],
                None if nearest is None else nearest[task, : len(query)],
            )
            for task, (query, model) in enumerate(zip(queries, models, strict=True))
        ]

    def bytes_needed(self, tasks: int, images: int) -> int:
        """About what it takes to adapt to so many encoded images of each of T tasks; to predict takes less."""
        weights = sum(tensor.numel() for tensor in self.initialization.parameters.values())
        return FLOAT * tasks * (COPIES * weights + images * self.architecture.network.activations)

    def warm_up(self) -> None:
        """Adapts to blank images and asks about one: what is compiled at its first use then is.

        On a machine's first run that takes some seconds.
        """
        spec, ways = self.checkpoint.metadata.input, self.checkpoint.metadata.head.ways or 2
        blank = self.encode(torch.zeros(ways, spec.channels, spec.size, spec.size, dtype=torch.uint8))
        rate = self.checkpoint.metadata.inner.learning_rate
        (made,) = self.adapt([Support(blank, torch.arange(ways), ways, steps=1, learning_rate=rate)])
        self.predict([made.adapted], [blank[:1]])

    def _check(self, support: Support) -> None:
        ways = self.checkpoint.metadata.head.ways
        if support.ways < 2:
            raise SupportError("A classifier needs at least 2 classes; add images of another class.")
        if ways is not None and support.ways != ways:
            raise SupportError(
                f"Checkpoint {self.checkpoint.metadata.name!r} has a head of exactly {ways} classes, "
                f"and the support set has {support.ways}. Send {ways} classes or choose another checkpoint."
            )

    def _expect(self, support: Support, features: Tensor) -> tuple[float | None, Sequence[tuple[int, float]]]:
        """The accuracy to expect and the learning curve, from the features [B, F] before the first step."""
        if self._calibration is None:
            return None, ()
        given = features[: len(support.labels)], support.labels.to(self.device), support.ways
        held_out = held_out_probability(self.architecture.head, *given)
        if held_out is None:
            return None, ()
        expected = expected_accuracy(held_out, support.ways, self._calibration)
        return expected, learning_curve(self.architecture.head, *given)

    def _pack(self, tensors: Parameters) -> Parameters:
        """Small, where the network is large."""
        return pack(tensors, self.initialization.parameters, (MEANS,)) if self.checkpoint.metadata.encoder else tensors

    def _unpack(self, tensors: Parameters) -> Parameters:
        return unpack(tensors, self.initialization.parameters) if self.checkpoint.metadata.encoder else tensors

    def _schedule(self, supports: Sequence[Support], batch: TaskBatch) -> Iterator[tuple[TaskBatch, Tensor]]:
        """The full support sets at each step, at rate 0 for the tasks that have taken all their steps."""
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
        parameters: Parameters,
        losses: list[Tensor],
        before: Tensor | None,
    ) -> list[Adaptation]:
        """Freezes the support set's statistics under the final weights, and sees how its images fare.

        `before` are the features [T, B, F] before the first step; None where there was none.
        """
        parameters, statistics, features, scores = self.architecture.conclude(parameters, batch)
        final = image_losses(scores, batch.labels)
        correct = scores.argmax(dim=2) == batch.labels
        tensors = parameters | {STATISTICS + name: tensor for name, tensor in statistics.items()}
        if self._calibration:
            tensors[MEANS] = class_means(features, batch.labels, int(batch.ways.max()))
        adaptations = []
        for task, support in enumerate(supports):
            size = len(support.labels)
            expected, curve = self._expect(support, (features if before is None else before)[task])
            adaptations.append(
                Adaptation(
                    adapted=Adapted(self._pack(_trim_classes(select(tensors, task), support.ways))),
                    losses=[*(float(loss[task]) for loss in losses[: support.steps]), float(final[task, :size].mean())],
                    image_losses=final[task, :size].tolist(),
                    image_correct=correct[task, :size].tolist(),
                    expected_accuracy=expected,
                    learning_curve=curve,
                )
            )
        return adaptations


def _pad_classes(tensors: Parameters, ways: int) -> Parameters:
    return tensors | {name: pad_to(tensors[name], ways) for name in PER_CLASS if name in tensors}


def _trim_classes(tensors: Parameters, ways: int) -> Parameters:
    return tensors | {name: tensors[name][:ways].clone() for name in PER_CLASS if name in tensors}


def _statistics(parameters: Parameters) -> Parameters:
    return {name.removeprefix(STATISTICS): tensor for name, tensor in parameters.items() if name.startswith(STATISTICS)}
