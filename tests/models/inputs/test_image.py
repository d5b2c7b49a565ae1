"""Pictures of all kinds become the same kind of input."""

from __future__ import annotations

import io

import pytest
import torch
from PIL import Image

from models.inputs.image import ImageInput

GREY = ImageInput(channels=1, size=28)
COLOUR = ImageInput(channels=3, size=28)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("spec", [GREY, COLOUR])
def test_any_mode_becomes_uint8_of_the_spec(mode: str, spec: ImageInput) -> None:
    pixels = spec.prepare(Image.new(mode, (40, 60)))
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (spec.channels, 28, 28)


def test_sixteen_bits_keep_their_brightness() -> None:
    assert GREY.prepare(Image.new("I;16", (28, 28), 32768)).float().mean() == pytest.approx(128, abs=1)


def test_sixteen_bit_greys_keep_brightness_and_orientation_beside_a_transparent_value() -> None:
    picture = Image.new("I;16", (28, 28), 0x4000)
    picture.paste(0, (0, 0, 14, 28))
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, "PNG", transparency=1, exif=exif)
    pixels = GREY.prepare(Image.open(file))[0]
    assert (pixels[:13] == 0).all()
    assert (pixels[15:] == 0x40).all()


def test_what_is_transparent_becomes_white() -> None:
    assert (GREY.prepare(Image.new("RGBA", (28, 28), (0, 0, 0, 0))) == 255).all()


def test_what_is_not_square_is_centred_on_white() -> None:
    pixels = GREY.prepare(Image.new("L", (28, 14), 0))[0]
    assert (pixels[:6] == 255).all()
    assert (pixels[8:20] == 0).all()
    assert (pixels[-6:] == 255).all()


@pytest.mark.parametrize("side", [28, 280])
@pytest.mark.parametrize("encoding", ["PNG", "JPEG"])
def test_exif_orientation_turns_the_picture_upright(side: int, encoding: str) -> None:
    upright = Image.new("L", (side, side), 255)
    upright.paste(0, (0, 0, side, side // 2))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    file = io.BytesIO()
    upright.rotate(90, expand=True).save(file, encoding, exif=exif)
    pixels = GREY.prepare(Image.open(file))[0]
    assert (pixels[:13] < 10).all()
    assert (pixels[15:] > 245).all()


def test_a_large_picture_keeps_its_transparency() -> None:
    """What is transparent may hide any colour; it must not bleed into what is averaged."""
    layer = Image.new("RGBA", (560, 560), (0, 255, 0, 0))
    layer.paste((0, 0, 0, 255), (0, 0, 280, 560))
    pixels = COLOUR.prepare(layer)
    assert (pixels[:, :, :13] < 10).all()
    assert (pixels[:, :, 15:] > 245).all()


@pytest.mark.parametrize("spec", [GREY, COLOUR])
def test_what_is_kept_is_restored_in_every_number(spec: ImageInput) -> None:
    noise = torch.randint(0, 256, spec.example, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(spec.restore(spec.keep(noise)), noise)


def test_normalizing_puts_channels_last() -> None:
    spec = ImageInput(channels=1, size=2, mean=1.0, std=-1.0)
    images = torch.tensor([[[[255, 0], [0, 255]]]], dtype=torch.uint8)
    assert spec.normalize(images).tolist() == [[[[0.0], [1.0]], [[1.0], [0.0]]]]
