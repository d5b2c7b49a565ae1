"""Kept images are what the network saw, to the bit."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from app.api.forms import Choices
from app.errors import ModelDamaged
from app.inputs import support_archive
from app.inputs.support_set import SupportSet, Upload
from app.threads import Cancellation
from models.inputs.image import ImageInput
from tests.app.stored import stored

PHOTOS = Path(__file__).parents[2] / "data" / "photos" / "support"


@pytest.mark.parametrize("spec", [ImageInput(channels=3, size=224, fit="crop"), ImageInput(channels=1, size=28)])
def test_packed_images_are_unpacked_unchanged(spec: ImageInput) -> None:
    paths = sorted(PHOTOS.glob("*/1.jpg"))
    images = torch.stack([spec.prepare(Image.open(path)) for path in paths])
    noise = torch.randint(0, 256, images[:1].shape, dtype=torch.uint8)
    images = torch.cat([images, noise])
    labels = [path.parent.name for path in paths]
    uploads = [Upload("images", index, f"{label}.jpg", label) for index, label in enumerate([*labels, labels[0]])]
    support, choices = SupportSet(uploads, labels, []), Choices(steps=3, ttl_seconds=60)
    model = stored().record.model_copy(update={"classes": labels})

    file = support_archive.pack(support, images, choices, spec, Cancellation())
    got = support_archive.unpack(io.BytesIO(file), model, spec, Cancellation())
    assert torch.equal(got.images, images)
    assert (got.support, got.choices) == (support, choices)

    shown = support_archive.picture(io.BytesIO(file), model, 1)
    assert shown is not None
    assert torch.equal(spec.prepare(Image.open(io.BytesIO(shown))), images[1])
    assert support_archive.picture(io.BytesIO(file), model, len(images)) is None
    renamed = model.model_copy(update={"classes": [label.upper() for label in labels]})
    assert [image.label for image in support_archive.listed(io.BytesIO(file), renamed, spec)] == [
        upload.label.upper() for upload in uploads
    ]


@pytest.mark.parametrize("damage", [b"", b"no zip", "cut"])
def test_a_damaged_file_is_told_as_such(damage: bytes | str) -> None:
    images = torch.zeros(2, 1, 28, 28, dtype=torch.uint8)
    uploads = [Upload("images", index, "a.png", "ab"[index]) for index in range(2)]
    spec = ImageInput(channels=1, size=28)
    whole = support_archive.pack(SupportSet(uploads, ["a", "b"], []), images, Choices(), spec, Cancellation())
    data = damage if isinstance(damage, bytes) else whole[:-10]
    with pytest.raises(ModelDamaged, match="/adapt again"):
        support_archive.unpack(io.BytesIO(data), stored().record, spec, Cancellation())
