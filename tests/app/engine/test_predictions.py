"""Requests that ask the same model at the same time are answered as each would be by itself."""

from __future__ import annotations

import pytest
import torch

from app.engine.work import PredictWork
from app.threads import Cancellation
from models.checkpoint import SHIPPED, load_checkpoint
from models.initializations.adapted import Adapted
from models.inputs.interface import Input
from models.learner import Learner
from models.tasks import Support

MODELS, IMAGES = [0, 1, 0, 0], [2, 1, 3, 1]


@pytest.fixture(scope="module")
def learner() -> Learner:
    return Learner(load_checkpoint(SHIPPED / "omniglot.safetensors"), torch.device("cpu"))


def noise(source: Input, count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, *source.example), generator=generator, dtype=torch.uint8)


def adapted(learner: Learner, seed: int, ways: int) -> Adapted:
    images = learner.encode(noise(learner.checkpoint.metadata.input, 2 * ways, seed))
    support = Support(images, torch.arange(2 * ways) % ways, ways, steps=1, learning_rate=1e-3)
    return learner.adapt([support])[0].adapted


@pytest.mark.parametrize("transductive", [False, True])
def test_requests_that_ask_one_model_get_their_own_answers(learner: Learner, transductive: bool) -> None:
    models = [adapted(learner, 0, 2), adapted(learner, 1, 3)]
    source = learner.checkpoint.metadata.input
    batch = [
        PredictWork(
            checkpoint="omniglot",
            images=noise(source, count, seed=10 + place),
            adapted=Adapted(dict(models[model].tensors)),
            transductive=transductive,
        )
        for place, (model, count) in enumerate(zip(MODELS, IMAGES, strict=True))
    ]
    features = [learner.encode(work.images) for work in batch]
    together = PredictWork.run(learner, batch, features, Cancellation())
    for work, encoded, answers in zip(batch, features, together, strict=True):
        (alone,) = PredictWork.run(learner, [work], [encoded], Cancellation())
        torch.testing.assert_close(answers.probabilities, alone.probabilities)
        torch.testing.assert_close(answers.looks.familiarity, alone.looks.familiarity)
