"""For everybody: axe finds nothing serious, and the keyboard goes everywhere."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.page.hand import adapted, card, drop, open_page, photos
from tests.serving import Server

GRAVE = {"serious", "critical"}
SIZES: dict[str, ViewportSize] = {"desktop": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}
ALL = [*itertools.product(("light", "dark"), SIZES, ("en", "es", "zh"))]
FEW = [("light", "desktop", "en"), ("dark", "phone", "zh")]
LOOKED = ALL if os.environ.get("KSHOT_ACCESS") else FEW
"""Schemes, sizes and languages; `make access` looks at all, and at more of the page."""
TABS = 60  # to get anywhere on the page


@pytest.mark.parametrize(("scheme", "size", "language"), LOOKED)
def test_axe_finds_no_serious_violation(
    browser: Browser, shipped: Server, scheme: str, size: str, language: str
) -> None:
    context = browser.new_context(
        color_scheme=scheme,  # type: ignore[arg-type]
        viewport=SIZES[size],
        locale=language,
        reduced_motion="reduce",
    )
    page = context.new_page()
    open_page(page, shipped.url)
    assert page.locator("html").get_attribute("lang") == language
    assert violations(page) == []
    page.locator("#example-photos").click()
    page.locator(".tile").first.click()
    expect(page.locator(".verdict strong")).not_to_be_empty()
    card(page, "hat").locator(".ways button").nth(1).click()
    page.locator("#share").click()
    page.locator(".panel button.primary").click()
    expect(page.locator(".made input")).to_be_visible()
    assert violations(page) == []
    if LOOKED is ALL:
        look_further(page)
        page.goto(page.locator(".made input").input_value())
        page.locator("#trying input[type=file]").set_input_files(photos("query", "hat")[0])
        expect(page.locator(".verdict strong")).to_have_text("hat")
        assert violations(page) == []
        page.goto(f"{shipped.url}/docs")
        page.locator("article.call").first.wait_for()
        assert violations(page) == []
    context.close()


def look_further(page: Page) -> None:
    """With all that unfolds, pictures sorted, and a note."""
    for part in ("#learnt", "#options", "#from-code"):
        page.locator(f"{part} summary").click()
    drop(page.locator("#sorting"), *photos("query", "hat"), *photos("query", "shoes"))
    expect(page.locator('#sorting [role="option"]')).to_have_count(6)
    expect(page.locator("#sorting")).to_have_attribute("aria-busy", "false")
    page.locator('#sorting [role="option"]').first.click()
    page.keyboard.press("1")
    expect(page.locator("#note")).to_be_visible()
    assert violations(page) == []


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    grave = [each for each in found if each["impact"] in GRAVE]
    return [f"{each['id']}: {node['html']}" for each in grave for node in each["nodes"]]


def test_the_keyboard_alone_gets_to_an_answer(page: Page) -> None:
    page.locator("#example-drawings").focus()
    page.keyboard.press("Enter")
    adapted(page)
    page.locator(".tile").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".verdict strong")).to_have_text("angelic")
    expect(page.locator("#said")).to_contain_text("angelic")


def test_the_keyboard_alone_teaches_own_pictures_asks_and_shares(page: Page) -> None:
    page.on("filechooser", lambda _: None)  # from now on no dialog opens: else the first might, before it is known
    tab(page, ".skip")
    page.keyboard.press("Enter")
    for number, name in enumerate(("hat", "shoes"), 1):
        tab(page, f".card:nth-child({number}) .name")
        page.keyboard.press("Control+a")
        page.keyboard.type(name)
        tab(page, f".card:nth-child({number}) .ways button")
        choose(page, *photos("support", name)[:2])
        expect(card(page, name).locator(".pictures li")).to_have_count(2)
    tab(page, "#adapt")
    page.keyboard.press("Enter")
    adapted(page)
    tab(page, "#trying .drop button")
    choose(page, photos("query", "hat")[0])
    expect(page.locator("#trying .verdict strong")).to_have_text("hat")
    tab(page, "#try-next a")
    page.keyboard.press("Enter")
    tab(page, "#share")
    page.keyboard.press("Enter")
    expect(page.locator(".panel button.primary")).to_be_visible()
    tab(page, ".panel button.primary")
    page.keyboard.press("Enter")
    expect(page.get_by_label("The link", exact=True)).to_be_visible()


def tab(page: Page, to: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(TABS):
        page.keyboard.press("Tab")
        if page.evaluate("(to) => document.activeElement === document.querySelector(to)", to):
            return
    pytest.fail(f"Tab never gets to {to}")


def choose(page: Page, *files: Path) -> None:
    """Press the button in focus, and choose files."""
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files)


def test_after_a_removal_the_focus_stays_among_the_pictures(page: Page) -> None:
    page.locator("#example-drawings").click()
    adapted(page)
    first = card(page, "greek").get_by_role("button", name="Remove greek, picture 1: 1.png")
    first.focus()
    page.keyboard.press("Enter")
    expect(card(page, "greek").get_by_role("button", name="Remove greek, picture 1: 2.png")).to_be_focused()


def test_the_api_reference_names_every_call_and_works_offline(page: Page, shipped: Server) -> None:
    page.goto(f"{shipped.url}/docs")
    expect(page.get_by_role("article", name="post /adapt", exact=True)).to_contain_text("AdaptForm")
    calls = page.locator("article.call")
    assert calls.count() > 10
    assert page.locator("article.call h2").count() == calls.count()
    assert violations(page) == []
    assert page.locator("#contents a").count() == calls.count()
    assert page.locator("article.call pre").count() == calls.count()
    assert page.locator("#calls").get_by_text("problem+json").count() == 0  # they are told once
    assert page.locator("#errors tr").count() > 5
    page.locator("#contents a", has_text="/models/{model_id}/rank").click()
    rank = page.get_by_role("article", name="post /models/{model_id}/rank", exact=True)
    expect(rank).to_be_in_viewport()
    rank.get_by_role("link", name="Ranking").click()
    expect(page.locator("#Ranking tr").first).to_be_in_viewport()
