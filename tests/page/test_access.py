"""For everybody: axe finds nothing serious, and the keyboard goes everywhere."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.page.hand import SECONDS, adapted, card, open_page
from tests.serving import Server

GRAVE = {"serious", "critical"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_violation(browser: Browser, shipped: Server, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page = context.new_page()
    open_page(page, shipped.url)
    assert violations(page) == []
    page.locator("#example-photos").click()
    page.locator(".tile").first.click(timeout=SECONDS)
    expect(page.locator(".verdict strong")).not_to_be_empty()
    card(page, "hat").get_by_role("button", name="Draw").click()
    assert violations(page) == []
    context.close()


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
    expect(page.locator(".verdict strong")).to_have_text("angelic", timeout=SECONDS)
    expect(page.locator("#said")).to_contain_text("angelic")


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
    assert page.locator("article.call h2").count() > 10
    assert violations(page) == []
