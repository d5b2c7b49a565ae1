"""What becomes of T tasks after their last step: the models to keep, and what there is to say of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.architecture import Architecture
from models.estimates.calibration import Calibration
from models.estimates.expected.expectation import Expectation, expect
from models.estimates.familiarity import MEANS, START_MEANS
from models.estimates.known import kept
from models.estimates.near_copies import copies, near_copies
from models.estimates.temperature import TEMPERATURE
from models.heads.linear import HEAD_BIAS, trim_classes
from models.initializations.adapted import Adaptation, Adapted
from models.initializations.mixture import WEIGHTS, Mixture, MixtureSpec
from models.initializations.starts import Starts
from models.networks.statistics import named
from models.parameters import Parameters, owned, unstack
from models.tasks import PADDING, FeatureSet, Support, TaskBatch, class_weights, log_shares, pad_stack


@dataclass(frozen=True)
class Steps:
    """The inner steps of T tasks: the parameters after them, and what was there before."""

    parameters: Parameters
    losses: Sequence[Tensor]
    """Each task's [T], before each step."""
    first_features: Tensor | None
    """[T, B, F] before the first step; None where there was none, or they weren't kept."""
    starts: Starts | None
    """None where all tasks start at theta."""


@dataclass(frozen=True)
class _Made:
    """What one task has after the last step, without padding, and its losses before each step."""

    scores: Tensor
    """Logits [S, N], on the host."""
    tensors: Parameters
    start: Parameters
    weights: Tensor | None
    """Of the mixture's initializations [M]."""
    shares: Tensor
    """What each example counts in the mean loss [S]."""
    losses: list[float]
    expected: Expectation | None


@dataclass(frozen=True)
class Conclusion:
    """Draws it for one checkpoint on one device.

    What is computed of all tasks is computed together, and read from the device once: a GPU's host would wait hundreds
    of times for one task's.
    """

    architecture: Architecture
    calibration: Calibration | None
    theta: Parameters
    mixture: Mixture | None
    spec: MixtureSpec | None

    @torch.no_grad()
    def __call__(self, supports: Sequence[Support], batch: TaskBatch, steps: Steps) -> list[Adaptation]:
        """Freeze the support set's statistics under the final weights, and see how its examples fare."""
        parameters, statistics, features, scores = self.architecture.conclude(steps.parameters, batch)
        before, starts = steps.first_features, steps.starts
        names = [MEANS if before is None or not support.steps else START_MEANS for support in supports]
        seen = [features if before is None or name == MEANS else before for name in names]
        sets = self._feature_sets(supports, [each[task] for task, each in enumerate(seen)])
        known, expected = kept(self.calibration, sets, names), self._expected(sets, starts)
        own_tensors, scores = unstack(parameters | named(statistics)), scores.cpu()
        origins = unstack(self.mixture.start(self.theta, starts.weights)) if self.mixture and starts else None
        shares = class_weights(pad_stack([own.labels for own in sets], PADDING), scores.shape[2])
        curves = torch.stack(list(steps.losses), dim=1).tolist() if steps.losses else [[]] * len(supports)
        adaptations = []
        for task, (support, own) in enumerate(zip(supports, sets, strict=True)):
            made = _Made(
                scores=scores[task, : len(own.labels), : own.ways],
                tensors=trim_classes(own_tensors[task], own.ways) | known[task],
                start=self.theta if origins is None else origins[task],
                weights=starts.weights[task] if starts else None,
                shares=shares[task, : len(own.labels)],
                losses=curves[task][: support.steps],
                expected=expected[task],
            )
            adaptations.append(self._adaptation(support, own, made))
        return adaptations

    def _feature_sets(self, supports: Sequence[Support], features: Sequence[Tensor]) -> list[FeatureSet]:
        """Return support sets by their features [B, F], which are padded, and which examples are near copies."""
        labels, ways = [support.labels.cpu() for support in supports], [support.ways for support in supports]
        own = [each[: len(of)] for each, of in zip(features, labels, strict=True)]
        groups = near_copies(own, labels, self.calibration.near_copy if self.calibration else None)
        return list(map(FeatureSet, own, labels, ways, groups))

    def _expected(self, sets: Sequence[FeatureSet], starts: Starts | None) -> list[Expectation | None]:
        spec, usual = None, None
        if self.calibration:
            spec, usual = self.calibration.accuracy, self.calibration.held_out_temperature
        return expect(spec, self.architecture.head, sets, starts.signs if starts else [None] * len(sets), usual)

    def _adaptation(self, support: Support, own: FeatureSet, made: _Made) -> Adaptation:
        """Return what one task's adapting gave, and what there is to say of it."""
        head, temperature = self.architecture.head, self._temperature(made.expected, stepped=support.steps > 0)
        tensors, scores = made.tensors, made.scores
        if support.by_frequency:
            prior = temperature * log_shares(own.labels, own.ways)
            scores = scores + prior
            tensors = tensors | {HEAD_BIAS: tensors[HEAD_BIAS] + prior.to(tensors[HEAD_BIAS])}
        losses = head.losses(scores, support)
        return Adaptation(
            adapted=self._packed(tensors | {TEMPERATURE: losses.new_tensor([temperature])}, made),
            losses=[*made.losses, float((losses * made.shares).mean())],
            image_losses=losses.tolist(),
            fit=head.fit(scores, support),
            expectation=made.expected,
            near_copies=copies(own.groups),
            initialization=self._named(made.weights),
        )

    def _temperature(self, expected: Expectation | None, *, stepped: bool) -> float:
        """Return a model's temperature, from what is expected of it and whether it took steps."""
        if self.calibration is None:
            return 1.0
        return self.calibration.usual_temperature(stepped=stepped) * (expected.hotter if expected else 1)

    def _packed(self, tensors: Parameters, made: _Made) -> Adapted:
        """Return a task's tensors as they are kept, with the weights of where it started."""
        packed = self.architecture.network.pack(tensors, made.start, coarse=(MEANS, START_MEANS))
        return Adapted(owned(packed if made.weights is None else packed | {WEIGHTS: made.weights.half()}))

    def _named(self, weights: Tensor | None) -> dict[str, float]:
        return {} if weights is None or self.spec is None else self.spec.named(weights.tolist())
