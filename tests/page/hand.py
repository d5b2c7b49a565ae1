"""What a person's hand does on the page."""

from __future__ import annotations

import base64
import math
import mimetypes
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

Stroke = Sequence[tuple[float, float]]
DATA = Path(__file__).parent.parent / "data"
SECONDS = 15_000

# In shares of the pad's side.
CROSS: list[Stroke] = [[(0.2, 0.2), (0.8, 0.8)], [(0.8, 0.2), (0.2, 0.8)]]
RING: list[Stroke] = [[(0.5 + 0.3 * math.cos(turn / 4), 0.5 + 0.3 * math.sin(turn / 4)) for turn in range(27)]]
ZIGZAG: list[Stroke] = [[(0.15, 0.3), (0.38, 0.75), (0.5, 0.3), (0.63, 0.75), (0.85, 0.3)]]


def open_page(page: Page, url: str) -> None:
    page.goto(url)
    page.locator(".card").first.wait_for()


def draw(pad: Locator, strokes: Sequence[Stroke], by: tuple[float, float] = (0.0, 0.0)) -> None:
    """By the mouse, moved `by` shares of the side."""
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    mouse = pad.page.mouse
    for stroke in strokes:
        places = [(box["x"] + (x + by[0]) * box["width"], box["y"] + (y + by[1]) * box["height"]) for x, y in stroke]
        mouse.move(*places[0])
        mouse.down()
        for place in places[1:]:
            mouse.move(*place, steps=4)
        mouse.up()


def drop(target: Locator, *files: Path) -> None:
    """Lets files fall on an element."""
    contents = [
        {
            "name": file.name,
            "type": mimetypes.guess_type(file.name)[0] or "",
            "data": base64.b64encode(file.read_bytes()).decode(),
        }
        for file in files
    ]
    transfer = target.page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const { name, type, data } of files) {
                const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
                transfer.items.add(new File([bytes], name, { type }));
            }
            return transfer;
        }""",
        contents,
    )
    target.dispatch_event("drop", {"dataTransfer": transfer})


def card(page: Page, name: str) -> Locator:
    """The card of a class."""
    return page.get_by_role("group", name=name, exact=True)


def rename(page: Page, old: str, new: str) -> None:
    field = card(page, old).get_by_label("Name of the class")
    field.fill(new)
    field.press("Enter")
    expect(card(page, new)).to_be_visible()


def adapt(page: Page) -> None:
    """Presses the button, and waits for what comes of it."""
    page.locator("#adapt").click()
    adapted(page)


def adapted(page: Page) -> None:
    expect(page.locator("#use")).to_be_visible()
    expect(page.locator("#adapting")).to_have_attribute("aria-busy", "false")


def photos(part: str, name: str) -> list[Path]:
    return sorted((DATA / "photos" / part / name).iterdir())


def drop_photos(page: Page) -> None:
    """Hats and shoes, three each, on the two cards."""
    for name, file in (("Class 1", "hat"), ("Class 2", "shoes")):
        drop(card(page, name), *photos("support", file)[:3])
        expect(card(page, name).locator(".pictures li")).to_have_count(3)
        rename(page, name, file)


def model_id(page: Page) -> str:
    return page.url.partition("#model=")[2].partition("&")[0]
