"""What users upload is read as they see it: any format taken, upright, its first frame, on white."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterable, Iterator

import pytest
import torch
from fastapi import UploadFile
from PIL import Image, ImageDraw
from torch import Tensor

from app.api.forms import PredictForm
from app.errors import TooManyPixels
from app.inputs.decoding import Decoder
from app.inputs.kinds.pictures import QUICK_BYTES, QUICK_PIXELS
from app.inputs.limits import ImageLimits
from app.inputs.reader import Reader
from app.inputs.support_set import Upload
from app.settings import Settings
from app.threads import Cancellation, Cancelled
from models.inputs.formats import FORMATS
from models.inputs.image import ImageInput
from tests.pictures import encoded

GREY = ImageInput(channels=1, size=28)
COLOUR = ImageInput(channels=3, size=28)


def picture(mode: str = "RGB", size: tuple[int, int] = (300, 300)) -> Image.Image:
    """A thick dark L on white: not the same upside down or turned."""
    image = Image.new("L", size, 255)
    draw = ImageDraw.Draw(image)
    draw.rectangle((50, 30, 110, 270), 0)
    draw.rectangle((50, 210, 250, 270), 0)
    return image.convert(mode)


def decode(data: bytes, spec: ImageInput = GREY) -> Tensor:
    return decode_all([data], spec)[0].float()


def decode_all(
    images: Iterable[bytes], spec: ImageInput = GREY, cancellation: Cancellation | None = None, **settings: int
) -> Tensor:
    contents = ((Upload("images", index, "a"), data) for index, data in enumerate(images))
    decoder = Decoder(ImageLimits.of(Settings.model_validate(settings)))
    return decoder.decode(contents, spec, cancellation or Cancellation())[0]


def close(one: Tensor, other: Tensor) -> bool:
    return bool((one - other).abs().mean() < 4)


EXPECTED = decode(encoded(picture(), "PNG"))


@pytest.mark.parametrize("side", [100, 400], ids=["at once", "unfolding to too much for that"])
def test_a_small_file_alone_is_read_as_any_other(side: int) -> None:
    data = encoded(picture(size=(side, side)).convert("1"), "PNG")
    assert len(data) < QUICK_BYTES
    assert (side**2 < QUICK_PIXELS) == (side == 100)
    reader = Reader.of(Settings())
    file = UploadFile(io.BytesIO(data), size=len(data), filename="a.png")
    images = asyncio.run(reader.queries(PredictForm(model_id="any", images=[file]), GREY)).images
    reader.close()
    assert torch.equal(images[0], decode_all([data])[0])


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_gives_the_same_tensor(kind: str) -> None:
    tensor = decode(encoded(picture(), kind))
    assert tensor.shape == (1, 28, 28)
    assert close(tensor, EXPECTED)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("spec", [GREY, COLOUR])
def test_every_mode_of_png_is_read(mode: str, spec: ImageInput) -> None:
    tensor = decode(encoded(picture(mode), "PNG"), spec)
    assert tensor.shape == (spec.channels, 28, 28)
    assert close(tensor, EXPECTED.expand(spec.channels, 28, 28))


def test_a_cmyk_jpeg_is_read() -> None:
    assert close(decode(encoded(picture("CMYK"), "JPEG")), EXPECTED)


def test_an_animation_is_its_first_frame() -> None:
    blank = Image.new("L", (300, 300), 255)
    for kind in ("GIF", "WEBP", "PNG", "TIFF", "AVIF", "MPO", "HEIC"):
        data = encoded(picture("L"), kind, save_all=True, append_images=[blank, blank])
        assert close(decode(data), EXPECTED)


def test_transparent_pixels_are_white() -> None:
    image = picture("RGBA")
    image.putalpha(image.convert("L").point(lambda grey: 255 - grey))  # the white of it shows what is behind
    assert close(decode(encoded(image, "PNG")), EXPECTED)


def test_a_large_jpeg_is_the_same_decoded_small() -> None:
    large = picture().resize((3000, 3000), Image.Resampling.NEAREST)
    assert close(decode(encoded(large, "JPEG")), EXPECTED)


def test_images_keep_their_order() -> None:
    other = encoded(Image.new("L", (9, 9), 0), "PNG")
    tensors = decode_all([other, encoded(picture(), "PNG")])
    assert tensors.dtype == torch.uint8
    assert tensors[0].max() == 0
    assert close(tensors[1].float(), EXPECTED)


def test_the_pixels_of_all_images_together_are_bounded() -> None:
    drawing = encoded(picture(), "PNG")  # of 90,000 pixels
    assert len(decode_all([drawing] * 3, max_request_pixels=270_000)) == 3
    with pytest.raises(TooManyPixels, match=r"images\[2\]") as caught:
        decode_all([drawing] * 5, max_request_pixels=269_999)
    assert caught.value.members["index"] == 2


def test_decoding_ends_at_the_next_image_once_nobody_waits() -> None:
    cancellation, read = Cancellation(), []

    def images() -> Iterator[bytes]:
        for number in range(5):
            read.append(number)
            yield encoded(picture(), "PNG")
            with cancellation:
                pass

    with pytest.raises(Cancelled):
        decode_all(images(), cancellation=cancellation)
    assert read == [0, 1]
