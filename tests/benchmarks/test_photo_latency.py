"""The benchmark of photographs' latency: the plain way does the same work."""

from __future__ import annotations

import pytest
import torch

from app.inputs.decoding import Decoder
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Upload
from app.settings import Settings
from app.threads import Cancellation
from benchmarks.photo_plain import PlainWay
from meta_training.data.episodes import flatten
from meta_training.data.image_classes import decode
from meta_training.data.sources import File
from meta_training.presets import PHOTO
from models.checkpoint import Checkpoint
from models.learner import Learner
from models.tasks import Support


@pytest.mark.parametrize(("shots", "steps"), [(1, 0), (3, 5)])
def test_the_plain_way_comes_to_the_answers_of_the_service(
    checkpoint: Checkpoint, learner: Learner, files: list[File], shots: int, steps: int
) -> None:
    pictures = decode(files, PHOTO.input).images
    images, labels = flatten(torch.stack([torch.from_numpy(of_class[:shots]) for of_class in pictures]).numpy())
    queries = torch.cat([torch.from_numpy(of_class[shots:]) for of_class in pictures])
    ways, inner, plain = len(pictures), PHOTO.inner, PlainWay(checkpoint)
    assert inner.steps_for(len(labels) // ways) == steps

    support = Support(learner.encode(images), labels, ways, steps, inner.learning_rate)
    (made,) = learner.adapt([support])
    (ours,) = learner.predict([made.adapted], [learner.encode(queries)])
    model = plain.adapt(plain.encode(images), labels, ways)
    theirs = plain.predict(model, plain.encode(queries)).softmax(dim=1)

    moved = not torch.equal(model.module.layers[0].weight, plain.theta.layers[0].weight)
    assert moved == (steps > 0)
    torch.testing.assert_close(theirs, ours.probabilities, rtol=0, atol=0.02)


def test_the_plain_way_decodes_the_pictures_that_the_service_does(checkpoint: Checkpoint, files: list[File]) -> None:
    contents = [content for _, _, content in files[:3]]
    uploads = (Upload("images", index, f"{index}.jpg") for index in range(3))
    theirs, _ = Decoder(ImageLimits.of(Settings())).decode(
        zip(uploads, contents, strict=True), PHOTO.input, Cancellation()
    )
    assert torch.equal(PlainWay(checkpoint).decode(contents), theirs)
