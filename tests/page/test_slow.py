"""A slow network, and many pictures: the page says how far it is, and nothing is blank meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.page.hand import SECONDS, adapted, card, drop, photos, rename
from tests.serving import Server

MANY = 200
SLOW = {"offline": False, "latency": 60, "downloadThroughput": 200_000, "uploadThroughput": 30_000}
"""Of the network, in milliseconds and bytes a second: a phone where there is hardly any."""
HEARD = """(part) => {
    window.heard = [];
    const note = () => window.heard.push(document.querySelector(part).textContent);
    const all = { childList: true, subtree: true, characterData: true };
    new MutationObserver(note).observe(document.querySelector(part), all);
}"""


@pytest.fixture
def slow(browser: Browser) -> Iterator[Page]:
    """A page on a slow network, nothing opened yet."""
    context = browser.new_context()
    page = context.new_page()
    context.new_cdp_session(page).send("Network.emulateNetworkConditions", SLOW)
    yield page
    context.close()


def test_a_slow_network_shows_what_is_to_come_and_how_far_uploads_are(slow: Page, shipped: Server) -> None:
    slow.goto(shipped.url, wait_until="commit")
    expect(slow.locator("#cards .skeleton")).to_have_count(2)
    expect(slow.get_by_role("heading", level=1)).to_be_visible()
    expect(slow.locator(".card")).to_have_count(2)
    expect(slow.locator(".skeleton")).to_have_count(0)
    for name, file in (("Class 1", "hat"), ("Class 2", "shoes")):
        drop(card(slow, name), *photos("support", file)[:3])
        expect(slow.locator("#taken progress")).to_be_visible()
        expect(card(slow, name).locator(".pictures li")).to_have_count(3)
        expect(slow.locator("#taken")).to_be_hidden()
    slow.evaluate(HEARD, "#adapt-status")
    slow.locator("#adapt").click()
    adapted(slow)
    heard = slow.evaluate("window.heard")
    sent = [text for text in heard if text.startswith("Sending the pictures: ")]
    assert len(set(sent)) > 1
    assert "Looking at the pictures…" in heard


def test_two_hundred_photos_are_added_in_parts_and_learnt(page: Page, tmp_path: Path) -> None:
    """Each a part of one of the samples, since there are not so many."""
    page.evaluate(HEARD, "#taken")
    for name, file in (("Class 1", "hat"), ("Class 2", "shoes")):
        drop(card(page, name), *parts(file, tmp_path))
        expect(card(page, name).locator(".pictures li")).to_have_count(MANY // 2, timeout=2 * SECONDS)
        rename(page, name, file)
    assert any("pictures 41 to 80 of 100" in text for text in page.evaluate("window.heard"))
    page.locator("#options summary").click()
    page.locator("#steps").fill("0")  # which is quicker
    page.evaluate(HEARD, "#adapt-status")
    page.locator("#adapt").click()
    expect(page.locator("#adapt")).to_be_disabled()
    expect(page.locator("#use")).to_be_visible(timeout=4 * SECONDS)
    heard = page.evaluate("window.heard")
    first_step = next(place for place, text in enumerate(heard) if text.startswith("Step "))
    assert heard.index("Looking at the pictures…") < first_step
    assert page.locator("#said").text_content() == f"Trained with {MANY} pictures."
    drop(page.locator("#trying"), photos("query", "hat")[0])
    expect(page.locator("#trying .verdict strong")).to_have_text("hat")


def parts(name: str, folder: Path) -> list[Path]:
    """Half of MANY files."""
    files = []
    for number in range(MANY // 2):
        sample = Image.open(photos("support", name)[number % 5])
        by = number // 5
        files.append(folder / f"{name}-{number:03}.jpg")
        sample.crop((by, by, sample.width - by, sample.height - by)).save(files[-1], quality=80)
    return files
