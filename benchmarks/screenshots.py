"""Pictures of the page for the documentation: phone and desktop, light and dark, training step by step, a folder that
is sorted, and the page of a shared model.

python -m benchmarks.screenshots       # into docs/page; with Debian's fonts-inter they look as those there
"""

import io
import re
from pathlib import Path
from typing import Literal

import typer
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from benchmarks.browser import launch
from benchmarks.server import running_server

OUT = Path("docs/page")
SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1360, "height": 1500},
    "phone": {"width": 390, "height": 1600},
}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUERY, NEXT = ".tile >> nth=1", ".tile >> nth=3"
STRIP: ViewportSize = {"width": 1100, "height": 1000}
STEPS = "40"  # so that there is something to see on the way
ON_THE_WAY = re.compile(r"Step [12]\d of")
GLIDE_MS = 600
LONGEST_MS = 120_000  # of a step, on a busy machine
PHOTOS = Path("tests/data/photos")
SORTED: ViewportSize = {"width": 1280, "height": 1000}
PHONE: ViewportSize = {"width": 390, "height": 844}


def main() -> None:
    """Take them all."""
    OUT.mkdir(exist_ok=True)
    with running_server() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        for size, viewport in SIZES.items():
            for scheme in SCHEMES:
                page = browser.new_page(viewport=viewport, color_scheme=scheme)
                _save(_answered(page, url), f"{size}-{scheme}")
                page.close()
        _save(_beside(_step_by_step(browser, url)), "adaptation")
        _save(_sorted(browser, url), "sorting")
        _save(_shared(browser, url), "shared")
        browser.close()


def _answered(page: Page, url: str) -> Image.Image:
    """The example of photos, with an answer; a phone shows what is below the cards."""
    page.goto(url)
    page.locator("#example-photos").click()
    page.locator("#use").wait_for()
    page.locator(QUERY).click()
    page.locator(".verdict strong").wait_for()
    phone = page.evaluate("innerWidth < 992")
    page.evaluate("(top) => scrollTo(0, top ? document.querySelector('#adapting').offsetTop - 16 : 0)", phone)
    return _shot(page)


def _step_by_step(browser: Browser, url: str) -> list[Image.Image]:
    """Pictures given, steps being taken, what came of it, and a new picture."""
    page = browser.new_page(viewport=STRIP)
    page.goto(url)
    page.locator("#example-photos").click()
    page.locator("#use").wait_for()
    page.locator("#options summary").click()
    page.locator("#steps").fill(STEPS)
    page.locator("#options summary").click()
    page.locator("[aria-label^='Remove hat']").first.click()
    page.locator("#note [aria-label=Dismiss]").click()
    page.evaluate("scrollTo(0, document.querySelector('.bench').offsetTop - 16)")
    shots = [_shot(page)]
    page.locator("#adapt").click()
    page.get_by_text(ON_THE_WAY).wait_for()
    shots.append(_shot(page, 0))
    page.locator("#history", has_text="version 2").wait_for(timeout=LONGEST_MS)
    page.locator(NEXT).click()
    page.locator(".verdict strong").wait_for()
    page.evaluate("scrollTo(0, document.querySelector('#trying').offsetTop - 16)")
    return [*shots, _shot(page)]


def _sorted(browser: Browser, url: str) -> Image.Image:
    """A folder's pictures under the classes that they look like, after one of each was named."""
    page = browser.new_page(viewport=SORTED)
    page.goto(url)
    files = sorted(PHOTOS.glob("*/*/*"), key=lambda path: path.name)
    page.get_by_label("Pictures to sort").set_input_files(files)
    for name in sorted({path.parent.name for path in files}):
        place = next(number for number, path in enumerate(files) if path.parent.name == name)
        page.locator("#sorting [role=option]").nth(place).click()
        page.locator("#sort-name").fill(name)
        page.keyboard.press("Enter")
        del files[place]
    page.locator("#sorting button.primary").click()
    page.locator('#sorting[aria-busy="true"]').wait_for()
    page.locator('#sorting[aria-busy="false"]').wait_for()
    page.locator("#note [aria-label=Dismiss]").click()
    page.evaluate("scrollTo(0, document.querySelector('#sorting').offsetTop - 16)")
    return _shot(page)


def _shared(browser: Browser, url: str) -> Image.Image:
    """A phone that opened the link of a shared model."""
    page = browser.new_page(viewport=PHONE)
    page.goto(url)
    page.locator("#example-photos").click()
    page.locator("#share").click()
    page.get_by_role("button", name="Make a link").click()
    page.goto(page.get_by_label("The link", exact=True).input_value())
    page.locator("#trying input[type=file]").set_input_files(PHOTOS / "query" / "shoes" / "6.jpg")
    page.locator(".verdict strong").wait_for()
    return _shot(page)


def _shot(page: Page, pause: int = GLIDE_MS) -> Image.Image:
    page.wait_for_timeout(pause)
    return Image.open(io.BytesIO(page.screenshot()))


def _beside(shots: list[Image.Image], gap: int = 24) -> Image.Image:
    strip = Image.new("RGB", (sum(shot.width + gap for shot in shots) - gap, shots[0].height), "white")
    for place, shot in enumerate(shots):
        strip.paste(shot, (place * (shot.width + gap), 0))
    return strip.resize((strip.width // 2, strip.height // 2), Image.Resampling.LANCZOS)


def _save(image: Image.Image, name: str) -> None:
    file = OUT / f"{name}.webp"
    image.convert("RGB").save(file, quality=82, method=6)
    typer.echo(f"{file}: {file.stat().st_size / 1000:.0f} KB")


if __name__ == "__main__":
    typer.run(main)
