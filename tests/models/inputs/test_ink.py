"""Drawings are taken for what is drawn, wherever on the sheet and however large."""

from __future__ import annotations

import pytest
import torch
from PIL import Image, ImageDraw
from pydantic import ValidationError

from models.inputs.image import ImageInput
from tests.app.drawings import QUERY

INK = ImageInput(channels=1, size=28, mean=1.0, std=-1.0, fit="ink")
SHEET = 105


def drawing() -> Image.Image:
    with Image.open(QUERY[0]) as file:
        return file.convert("L")


def on_a_sheet(times: float, left: int, top: int, ground: int = 255) -> Image.Image:
    """The drawing on one so many times its size."""
    sheet = Image.new("L", (round(SHEET * times),) * 2, ground)
    sheet.paste(drawing(), (left, top))
    return sheet


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of two pictures as the network has them, in levels."""
    first, second = (INK.prepare(each).float() for each in (one, other))
    return float((first - second).abs().mean())


def length(example: torch.Tensor) -> int:
    """Of the ink of a dark drawing, in pixels."""
    box = Image.fromarray((example < 200)[0].numpy()).getbbox()
    assert box
    return max(box[2] - box[0], box[3] - box[1])


@pytest.mark.parametrize(("left", "top"), [(0, 0), (50, 0), (0, 90), (95, 95)])
def test_where_it_stands_on_the_sheet_changes_nothing(left: int, top: int) -> None:
    assert difference(on_a_sheet(2, 48, 48), on_a_sheet(2, left, top)) < 2


def test_on_a_sheet_of_twice_the_size_it_is_nearly_as_large() -> None:
    small, large = (length(INK.prepare(sheet)) for sheet in (on_a_sheet(2, 10, 60), drawing()))
    assert 1 <= large / small < 1.5


def test_what_stays_of_its_size_tells_small_signs_from_large_ones() -> None:
    sizes = []
    for side in (10, 40, 90):
        sheet = Image.new("L", (SHEET, SHEET), 255)
        ImageDraw.Draw(sheet).rectangle((5, 5, 5 + side, 5 + side), outline=0, width=4)
        sizes.append(length(INK.prepare(sheet)))
    assert sizes == sorted(set(sizes))
    assert sizes[2] < 3 * sizes[0]


def test_a_light_drawing_on_black_keeps_its_ground() -> None:
    sheet = Image.new("L", (SHEET, SHEET), 0)
    ImageDraw.Draw(sheet).line((80, 80, 100, 100), fill=255, width=3)
    assert INK.prepare(sheet)[0, 0, 0] == 0


@pytest.mark.parametrize("level", [0, 255, 250])
def test_an_empty_sheet_stays_empty(level: int) -> None:
    sheet = Image.new("L", (300, 300), level)
    assert torch.equal(INK.prepare(sheet), torch.full((1, 28, 28), level, dtype=torch.uint8))


def test_one_that_was_kept_is_not_fitted_again() -> None:
    kept = INK.prepare(on_a_sheet(3, 20, 200))
    again = INK.prepare(Image.fromarray(kept[0].numpy()))
    assert torch.equal(again, kept)


def test_photos_have_no_ink() -> None:
    with pytest.raises(ValidationError, match="one channel"):
        ImageInput(channels=3, size=28, fit="ink")
