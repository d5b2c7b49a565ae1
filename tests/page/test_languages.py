"""The page in the language of the browser, and in another by its switch; none of it stays English."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from app.http.languages import words_by_language
from tests.page.hand import adapted, open_page
from tests.serving import Server

WORDS = words_by_language()
SAID = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const said = [];
    while (texts.nextNode()) said.push(texts.currentNode.textContent.trim());
    for (const name of ["aria-label", "title", "placeholder", "alt"])
        for (const element of document.querySelectorAll(`[${name}]`)) said.push(element.getAttribute(name));
    return said.filter(Boolean);
}"""
ALIKE = {"ONNX", "safetensors", "kshot", "English"}


@pytest.mark.parametrize(("locale", "language", "switched"), [("es-MX", "es", "zh")])
def test_nothing_of_the_page_stays_english(
    browser: Browser, shipped: Server, locale: str, language: str, switched: str
) -> None:
    httpx.delete(f"{shipped.url}/models", params={"all": True}).raise_for_status()  # other tests', with English names
    context = browser.new_context(locale=locale)
    page = context.new_page()
    open_page(page, shipped.url)
    assert english(page, language) == set()
    page.locator("#example-photos").click()
    adapted(page)
    page.locator(".tile").first.click()
    expect(page.locator("#trying .verdict strong")).not_to_be_empty()
    page.locator("#share").click()
    expect(page.locator(".panel")).to_contain_text(str(WORDS[language]["share.about"]))
    assert english(page, language) == set()
    page.locator("#language").select_option(switched)
    expect(page.locator("html")).to_have_attribute("lang", switched)
    expect(page.locator("#adapt")).to_have_text(str(WORDS[switched]["train.done"]))
    assert english(page, switched) == set()
    context.close()


def english(page: Page, language: str) -> set[str]:
    """What is said in English though there are words for it in the language."""
    own = {text for key, text in WORDS["en"].items() if isinstance(text, str) and text != WORDS[language][key]}
    return (own & set(page.evaluate(SAID))) - ALIKE
