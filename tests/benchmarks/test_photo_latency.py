"""The benchmark of photographs' latency: the plain way does the same work."""

from __future__ import annotations

import torch

from benchmarks.photo_plain import PlainWay
from meta_training.datasets import decode
from meta_training.episodes import flatten
from meta_training.presets import PHOTO
from meta_training.sources import File
from models.checkpoint import Checkpoint
from models.learner import Learner
from models.tasks import Support

SHOTS = 3


def test_the_plain_way_comes_to_the_answers_of_the_service(
    checkpoint: Checkpoint, learner: Learner, files: list[File]
) -> None:
    pictures = decode(files, PHOTO.input).images
    images, labels = flatten(torch.stack([torch.from_numpy(of_class[:SHOTS]) for of_class in pictures]).numpy())
    queries = torch.cat([torch.from_numpy(of_class[SHOTS:]) for of_class in pictures])
    ways, inner, plain = len(pictures), PHOTO.inner, PlainWay(checkpoint)

    support = Support(learner.encode(images), labels, ways, inner.steps, inner.learning_rate)
    (made,) = learner.adapt([support])
    (ours,) = learner.predict([made.adapted], [learner.encode(queries)])
    model = plain.adapt(plain.encode(images), labels, ways)
    theirs = plain.predict(model, plain.encode(queries)).softmax(dim=1)

    before = plain.theta(plain.encode(queries)).detach()
    assert not torch.allclose(model.module(plain.encode(queries)).detach(), before, atol=0.02)  # it did take steps
    torch.testing.assert_close(theirs, ours.probabilities, rtol=0, atol=0.02)


def test_the_plain_way_decodes_the_same_pictures(checkpoint: Checkpoint, files: list[File]) -> None:
    decoded = PlainWay(checkpoint).decode(content for _, _, content in files[:1])
    assert decoded.shape == (1, 3, PHOTO.input.size, PHOTO.input.size)
