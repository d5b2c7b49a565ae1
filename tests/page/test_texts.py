"""The card for texts: written or opened from a table, adapted to, asked, and opened again."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.page.hand import DATA

FIRST = re.compile(r"^Where is my parcel\?\n(.|\n)*\nThe postman lost my box$")
VERDICT = "#texts .verdict strong"


def test_a_table_of_texts_is_learnt_and_a_new_one_gets_its_bars(page: Page) -> None:
    page.get_by_label("Texts of class 1", exact=True).fill("Where is my parcel?")
    page.get_by_role("button", name="Train with the texts").click()
    expect(page.locator("#texts [role=alert]")).to_contain_text("All texts are labelled 'Class 1'")
    page.locator("#texts input[type=file]").set_input_files(DATA / "tickets" / "support.csv")
    expect(page.locator("#texts textarea")).to_have_count(4)
    page.get_by_label("Texts of class 1", exact=True).press("Control+End")
    page.get_by_label("Texts of class 1", exact=True).type("\nThe postman lost my box")
    page.get_by_role("button", name="Train with the texts").click()
    expect(page.locator("#texts [role=status]")).to_contain_text("Trained with 21 texts of 4 classes")
    page.get_by_label("A new text").fill("I can't log in")
    expect(page.locator(VERDICT)).to_have_text("login")
    page.reload()
    page.locator("#models a").first.click()
    expect(page.get_by_label("Texts of class 1", exact=True)).to_have_value(FIRST)
