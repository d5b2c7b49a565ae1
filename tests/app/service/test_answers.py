"""What answers are made of."""

from __future__ import annotations

import math

import pytest
import torch

from app.errors import Diverged
from app.inputs.support_set import Upload
from app.service.adaptation import check_finite, hardest
from app.service.answers import predictions
from models.initializations.adapted import Adaptation, Adapted, Answers
from tests.app.stored import stored

UPLOADS = [Upload("images", index, f"{index}.png", "a") for index in range(5)]


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_weights_that_are_no_numbers_are_refused(loss: float) -> None:
    adapted = Adapted({"head.bias": torch.zeros(2)})
    check_finite(Adaptation(adapted, [0.5], [0.5], [True]))
    for losses, image_losses in (([loss], [0.5]), ([0.5], [loss])):
        with pytest.raises(Diverged, match="smaller learning_rate"):
            check_finite(Adaptation(adapted, losses, image_losses, [True]))


def test_the_hardest_images_are_three_worst_first() -> None:
    assert [image.index for image in hardest(UPLOADS, [0.1, 0.5, 0.2, 0.9, 0.3])] == [3, 1, 4]
    assert len(hardest(UPLOADS[:2], [0.1, 0.5])) == 2


def test_equally_probable_labels_keep_the_order_of_classes() -> None:
    said = Answers(torch.full((1, 4), 0.25))
    model = stored().record.model_copy(update={"classes": ["d", "c", "b", "a"]})
    (answer,) = predictions(UPLOADS[:1], said, model, calibration=None, top_k=3)
    assert answer.label == "d"
    assert [score.label for score in answer.top] == ["d", "c", "b"]
