"""The services that kshot is compared with do the same work, and the load's clients count what comes back."""

from __future__ import annotations

import pytest
import torch

from benchmarks.load.clients import load
from benchmarks.load.plain import Tenants
from benchmarks.load.requests import Form, pictures
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner
from models.tasks import Support
from tests.serving import Server

STEPS = 10


def test_the_plain_way_with_drawings_gives_the_learners_answers() -> None:
    own = pictures("omniglot")
    checkpoint = load_checkpoint(SHIPPED / "omniglot.safetensors")
    tenants, learner = Tenants("omniglot"), Learner(checkpoint, torch.device("cpu"))
    files, labels = [file for _, file in own.support], [label for label, _ in own.support]
    classes = sorted(set(labels), key=labels.index)
    model_id = tenants.adapt(files, labels, STEPS)

    def encode(contents: list[bytes]) -> torch.Tensor:
        return learner.encode(tenants.way.decode(contents))

    numbers = torch.tensor([classes.index(label) for label in labels])
    rate = checkpoint.metadata.inner.learning_rate
    (adaptation,) = learner.adapt([Support(encode(files), numbers, len(classes), STEPS, rate)])
    queries = list(own.queries)
    (answers,) = learner.predict([adaptation.adapted], [encode(queries)])
    expected = [classes[number] for number in answers.probabilities.argmax(dim=1).tolist()]
    assert tenants.predict(model_id, queries) == expected


def test_clients_count_answers_and_refusals_apart(server: Server) -> None:
    own = pictures("omniglot")
    good, bad = (Form("omniglot").adapt(own.support[::5], steps) for steps in (0, 10**6))
    answered = load(server.url, [lambda: good, lambda: bad], seconds=1)
    assert set(answered.milliseconds) == {201, 422}
    assert answered.rate == pytest.approx(len(answered.milliseconds[201]) / 1)
    assert answered.refused == len(answered.milliseconds[422]) > 0
