"""Pictures as phones, cameras, scanners and print shops make them are read as they look."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms, ImageDraw, ImageEnhance
from torch import Tensor

from app.errors import AppError, ImageTooManyPixels, ImageTruncated, ImageUnreadable
from app.inputs.decoding import Decoder
from app.inputs.limits import ImageLimits
from app.inputs.support_set import Upload
from app.settings import Settings
from app.store.records import WarnedImage
from app.threads import Cancellation
from models.inputs.image import ImageInput
from tests.pictures import TURNED, deep_png, encoded, png
from tests.profiles import display_p3, in_format, in_p3, print_shop

PHOTO = ImageInput(channels=3, size=64, fit="crop")
PICTURE = next((Path(__file__).parents[2] / "data" / "photos").rglob("*.jpg"))


def read(data: bytes, **settings: int) -> tuple[Tensor, list[WarnedImage]]:
    decoder = Decoder(ImageLimits.of(Settings.model_validate(settings)))
    images, warnings = decoder.decode([(Upload("images", 0, "a"), data)], PHOTO, Cancellation())
    return images[0].float(), warnings


def seen(data: bytes) -> Tensor:
    """What the network sees of a file that there is nothing to say about."""
    image, warnings = read(data)
    assert warnings == []
    return image


def warned(data: bytes) -> str:
    """The one type of warning of a file."""
    _, (warning,) = read(data)
    assert warning.detail.startswith("images[0] (a) ")
    return warning.type


def refused(data: bytes, kind: type[AppError], **settings: int) -> str:
    with pytest.raises(kind) as caught:
        read(data, **settings)
    return caught.value.detail


def far(one: Tensor, other: Tensor) -> float:
    """The mean difference, in levels of 255."""
    return float((one - other).abs().mean())


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return ImageEnhance.Color(Image.open(PICTURE).convert("RGB").resize((150, 120))).enhance(6)


@pytest.fixture(scope="module")
def plain(photo: Image.Image) -> Tensor:
    return seen(encoded(photo, "PNG"))


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "TIFF", "WEBP", "JPEG", "JPEG in P3", "JPEG in CMYK", "PNG"])
def test_every_kind_and_orientation_looks_as_its_plain_png(kind: str, photo: Image.Image, plain: Tensor) -> None:
    for orientation in TURNED:
        assert far(seen(in_format(photo, kind, orientation)), plain) < 2, orientation
    assert not {".heic", ".heif"} & set(Image.registered_extensions())  # of the process


def test_a_profile_decides_what_colours_are(photo: Image.Image, plain: Tensor) -> None:
    wide = in_p3(photo)
    assert far(seen(encoded(wide, "PNG")), plain) > 2
    lab = ImageCms.profileToProfile(
        photo, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab
    assert far(seen(encoded(lab, "TIFF")), plain) < 2
    see_through = wide.copy()
    see_through.putalpha(255)
    assert far(seen(encoded(see_through, "PNG", icc_profile=display_p3())), plain) < 1
    for broken in (b"no profile", b"\0" * 200, print_shop()):
        assert torch.equal(seen(encoded(photo, "PNG", icc_profile=broken)), plain)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_greys_are_read_by_the_bits_they_use(bits: int, kind: str, photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L"))
    deep = (grey.astype(np.uint32) * (2**bits - 1) // 255).astype(np.uint16)
    assert far(seen(encoded(Image.fromarray(deep), kind)), seen(encoded(photo.convert("L"), "PNG"))) < 1


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_colours_of_16_bits_are_read_by_the_bits_they_use(bits: int, photo: Image.Image, plain: Tensor) -> None:
    deep = (np.asarray(photo).astype(np.uint32) * (2**bits - 1) // 255).astype(">u2")
    opaque = np.concatenate([deep, np.full((*deep.shape[:2], 1), 2**bits - 1)], axis=2).astype(">u2")
    for values in (deep, opaque):
        assert far(seen(deep_png(values)), plain) < 1
    (tag, order), (width, height) = (b"MM\0*", ">"), photo.size
    numbers = {256: width, 257: height, 258: 16, 259: 1, 262: 2, 273: 122, 277: 3, 278: height, 279: 6 * width * height}
    tags = b"".join(struct.pack(f"{order}HHII", name, 4, 1, number) for name, number in numbers.items())
    head = tag + struct.pack(f"{order}IH", 8, len(numbers)) + tags + bytes(4)
    assert len(head) == 122
    assert far(seen(head + deep.tobytes()), plain) < 1


def test_deep_greys_whose_zero_is_white_are_no_negatives(photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L")).astype(np.uint16)
    data = encoded(Image.fromarray(65535 - 257 * grey), "TIFF")
    tag = struct.pack("<HHI", 262, 3, 1)
    assert data.count(tag + b"\1") == 1
    assert far(seen(data.replace(tag + b"\1", tag + b"\0")), seen(encoded(photo.convert("L"), "PNG"))) < 1


@pytest.mark.parametrize("scale", [1 / 255, 1, 16, 257])
def test_floats_are_read_by_their_range_whatever_is_no_number(scale: float, photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L"))
    expected = grey.copy()
    expected[:9] = 0
    values = grey.astype(np.float32) * scale
    values[:9] = np.nan
    assert far(seen(encoded(Image.fromarray(values), "TIFF")), seen(encoded(Image.fromarray(expected), "PNG"))) < 1


@pytest.mark.parametrize("number", [np.int32, np.float32])
def test_other_numbers_go_from_the_least_to_the_greatest(number: type, photo: Image.Image) -> None:
    grey = np.asarray(photo.convert("L"))
    values = (1000.0 * grey - 70_000).astype(number)
    assert grey.min() != 0 or grey.max() != 255
    image = seen(encoded(Image.fromarray(values), "TIFF"))
    assert image.min() < 20
    assert image.max() > 235


def logo(colour: str, shape: str) -> bytes:
    layer = Image.new("RGBA", (90, 90), (255, 255, 255, 0))
    draw = ImageDraw.Draw(layer)
    (draw.ellipse if shape == "circle" else draw.rectangle)((20, 20, 70, 70), colour)
    return encoded(layer, "PNG")


def test_what_is_light_on_nothing_is_seen() -> None:
    circle, square = seen(logo("white", "circle")), seen(logo("white", "square"))
    assert far(circle, square) > 5
    assert circle[:, 32, 32].tolist() == [255, 255, 255]
    assert circle[:, 1, 1].tolist() == [0, 0, 0]
    assert seen(logo("navy", "circle"))[:, 1, 1].tolist() == [255, 255, 255]


def test_a_picture_that_ends_early_is_read_as_far_as_it_goes(photo: Image.Image, plain: Tensor) -> None:
    baseline, png = encoded(photo, "JPEG", quality=95), encoded(photo, "PNG")
    progressive = encoded(photo, "JPEG", quality=95, progressive=True)
    for whole in (baseline, progressive):
        assert warned(whole[:-2]) == "truncated"
        assert far(read(whole[:-2])[0], plain) < 2
    for cut in (baseline[: len(baseline) * 9 // 10], png[: len(png) * 9 // 10]):
        image, (warning,) = read(cut)
        assert "% of its rows came" in warning.detail
        assert far(image[:, :10], plain[:, :10]) < 20
        assert image[:, -1].float().std() > 5  # neither black nor grey
    for cut in (baseline[: len(baseline) // 3], png[: len(png) // 3], encoded(photo, "HEIC")[:-500]):
        assert "ends early" in refused(cut, ImageTruncated)


@pytest.mark.parametrize(
    ("kind", "options"), [("GIF", {"interlace": 0}), ("GIF", {"interlace": 1}), ("BMP", {}), ("TIFF", {})], ids=str
)
def test_the_rows_of_other_formats_that_came_are_read(
    kind: str, options: dict[str, object], photo: Image.Image, plain: Tensor
) -> None:
    data = encoded(photo, kind, **options)
    image, (warning,) = read(data[: len(data) * 9 // 10])
    assert "% of its rows came" in warning.detail
    assert far(image, plain) < 60  # it is the photo, less some of its rows, and none of them black
    assert image.std((0, 2)).min() > 5
    assert "rows came" in refused(data[: len(data) // 3], ImageTruncated)


def test_what_comes_whole_or_not_at_all_is_said_to_be_cut_short(photo: Image.Image) -> None:
    for kind in ("WEBP", "AVIF"):
        data = encoded(photo, kind)
        said = refused(data[: len(data) - 99], ImageTruncated)
        assert f"is cut short: {len(data) - 99} of {len(data)} bytes or more came. Send the whole file." in said
    packed = encoded(photo, "TIFF", compression="tiff_lzw")
    assert "is cut short" in refused(packed[: len(packed) * 9 // 10], ImageTruncated)
    refused(packed[:500] + bytes(9000) + packed[9500:], ImageTruncated)  # and not half black without a word


def test_damaged_metadata_cost_nothing(photo: Image.Image, plain: Tensor) -> None:
    png = encoded(photo, "PNG")
    for name, content in ((b"eXIf", bytes(60)), (b"iCCP", b"x"), (b"tEXt", b"a\0b"), (b"zTXt", b"a\0\0x")):
        chunk = struct.pack(">I", len(content)) + name + content + b"\1\2\3\4"  # no checksum of it
        assert torch.equal(seen(png[:33] + chunk + png[33:]), plain)
        assert torch.equal(seen(png[:-12] + chunk + png[-12:]), plain)
    jpeg = encoded(photo, "JPEG", quality=95)
    for content in (b"Exif\0\0" + bytes(60), b"Exif\0\0II*\0\xff\xff\xff\xff", b"ICC_PROFILE\0\1\1x", b"MPF\0x"):
        for marker in range(0xE1, 0xE3):
            segment = bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
            assert far(seen(jpeg[:2] + segment + jpeg[2:]), plain) < 2
    exif = Image.Exif()
    exif[0x010F] = "a maker"
    for kind in ("AVIF", "HEIC", "WEBP"):
        whole = encoded(photo, kind, exif=exif.tobytes(), quality=95)
        damaged = whole.replace(b"MM\0*", b"xx\0*")
        assert damaged != whole
        assert far(seen(damaged), plain) < 2


def test_what_shows_the_network_nothing_is_said_to_be_blank(photo: Image.Image) -> None:
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 2)
    deep.putpixel((0, 0), 65535)  # by which the rest is black
    for picture in (Image.new("RGB", (90, 90), "white"), Image.new("RGBA", (90, 90)), deep):
        assert warned(encoded(picture, "PNG")) == "blank"


def test_a_wide_picture_is_seen_whole() -> None:
    left, right = (Image.new("RGB", (400, 100), "white") for _ in range(2))
    left.paste("red", (0, 20, 60, 80))
    right.paste("red", (340, 20, 400, 80))
    images = []
    for picture in (left, right, left.transpose(Image.Transpose.ROTATE_90)):
        image, (warning,) = read(encoded(picture, "PNG"))
        assert warning.type == "fitted"
        images.append(image)
    assert far(images[0], images[1]) > 5
    assert far(images[0], images[2]) > 5


def test_a_picture_is_refused_by_what_it_costs() -> None:
    large = Image.new("L", (3000, 3000), 128)
    large.paste(0, (0, 0, 1500, 3000))
    seen(encoded(large, "JPEG"))
    read(encoded(large, "JPEG"), max_image_pixels=2_500_000)  # its nine million are never decoded
    for costly in (encoded(large, "JPEG", progressive=True), encoded(large, "PNG")):
        assert "3000×3000" in refused(costly, ImageTooManyPixels, max_image_pixels=8_999_999)
    deep = encoded(Image.new("F", (300, 300)), "TIFF")
    assert "costs 720000 to decode" in refused(deep, ImageTooManyPixels, max_image_pixels=719_999)


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "TIFF"])
def test_new_formats_are_bounded_before_they_are_decoded(kind: str) -> None:
    data = encoded(Image.new("RGB", (400, 300)), kind)
    assert "400×300" in refused(data[: len(data) - 9], ImageTooManyPixels, max_image_pixels=119_999)


def test_a_tile_far_larger_than_its_picture_is_not_unpacked() -> None:
    numbers = {256: 64, 257: 64, 258: 8, 259: 8, 262: 1, 277: 1, 322: 16_000, 323: 16_000, 324: 134, 325: 900}
    tags = b"".join(struct.pack("<HHII", tag, 4, 1, number) for tag, number in numbers.items())
    data = b"II*\0\x08\0\0\0" + struct.pack("<H", len(numbers)) + tags + bytes(4) + zlib.compress(bytes(900_000))
    assert "256000000" in refused(data, ImageTooManyPixels)


def test_a_heic_that_is_larger_than_it_says_is_refused() -> None:
    data = bytearray(encoded(Image.new("RGB", (800, 800)), "HEIC"))
    struct.pack_into(">II", data, data.index(b"ispe") + 8, 64, 64)
    refused(bytes(data), ImageTruncated)


@pytest.mark.parametrize("options", [{}, {"save_all": True}], ids=["picture", "film"])
def test_an_avif_is_counted_by_its_coded_pictures_whatever_it_says(options: dict[str, Any], photo: Image.Image) -> None:
    data = encoded(Image.new("RGB", (800, 700)), "AVIF", append_images=[photo.resize((800, 700))], **options)
    data = re.sub(b"ispe....(.{8})", lambda found: found[0][:8] + struct.pack(">II", 64, 64), data, flags=re.DOTALL)
    in_track = [struct.pack(">II", width << 16, height << 16) for width, height in ((800, 700), (64, 64))]
    data = data.replace(*in_track)
    assert "costs 560000 to decode" in refused(data, ImageTooManyPixels, max_image_pixels=559_999)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"%PDF-1.7\n", "a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a drawing (SVG)"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom", "a film"),
        (encoded(Image.new("1", (9, 9)), "TIFF", compression="group4"), "save it without"),
        (b"two words", "JPEG, PNG, WEBP, BMP, GIF, TIFF, AVIF or HEIC"),
    ],
)
def test_what_is_not_read_is_named_with_the_way_out(data: bytes, says: str) -> None:
    detail = refused(data, ImageUnreadable)
    assert says in detail
    assert "end " in detail or "Export" in detail or "save" in detail


def test_pixels_that_all_came_but_are_damaged_are_no_picture() -> None:
    side = 40
    rows = bytearray((b"\0" + bytes(range(3 * side))) * side)
    rows[(1 + 3 * side) * (side // 2)] = 9  # there is no such filter of a row
    for more in (0, 2**24):  # bytes after the last row, which unpack to any number
        assert "damaged" in refused(png((side, side), zlib.compress(bytes(rows) + bytes(more))), ImageTruncated)


def test_a_jpeg_of_more_segments_than_any_camera_writes_is_refused(photo: Image.Image) -> None:
    data = encoded(photo, "JPEG")
    said = refused(data[:2] + b"\xff\xe0\x00\x02" * 10_000 + data[2:], ImageTruncated)
    assert "5000 segments" in said
