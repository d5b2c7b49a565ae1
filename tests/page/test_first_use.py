"""From an empty page to a prediction, each way there is."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.page.hand import CROSS, RING, ZIGZAG, adapt, adapted, card, draw, drop, drop_photos, photos, rename

VERDICT = ".verdict strong"


def test_symbols_drawn_by_mouse_are_told_apart(page: Page) -> None:
    page.get_by_role("radio", name="Drawings").check()
    page.get_by_role("button", name="Add a class", exact=True).click()
    for number, (name, strokes) in enumerate({"cross": CROSS, "ring": RING, "zigzag": ZIGZAG}.items(), 1):
        rename(page, f"Class {number}", name)
        for by in ((0.0, 0.0), (0.04, -0.03)):
            draw(card(page, name).locator("canvas"), strokes, by)
            card(page, name).get_by_role("button", name="Add drawing").click()
        expect(card(page, name).locator(".pictures li")).to_have_count(2)
    adapt(page)
    draw(page.locator("#try canvas"), RING, by=(-0.05, 0.04))
    expect(page.locator(VERDICT)).to_have_text("ring")
    expect(page.locator("#trying .bars li")).to_have_count(3)


def test_dropped_photos_are_learnt_and_a_new_one_gets_its_bars(page: Page) -> None:
    drop_photos(page)
    adapt(page)
    page.locator("#learnt summary").click()
    expect(page.locator("#loss figcaption")).to_contain_text(re.compile(r"after 5 steps"))
    expect(page.locator(".accuracy strong")).to_contain_text("%")
    drop(page.locator("#trying"), photos("query", "hat")[0])
    expect(page.locator(VERDICT)).to_have_text("hat")
    assert page.locator("#trying .bars li span").all_inner_texts() == ["hat", "shoes"]


def test_it_shows_where_it_looks(page: Page) -> None:
    page.locator("#example-photos").click()
    page.locator(".tile").first.click()
    expect(page.locator(VERDICT)).not_to_be_empty()
    toggle, picture = page.get_by_role("button", name="Where it looks"), page.locator("#trying img.query")
    plain = picture.get_attribute("src")
    toggle.click()
    expect(picture).to_have_attribute("src", re.compile("^data:image/png"))
    expect(page.locator(".looked [role=status]")).to_contain_text("Red: for")
    toggle.click()
    expect(picture).to_have_attribute("src", plain or "")


def test_a_picture_in_a_wrong_class_is_to_be_checked(page: Page) -> None:
    drop_photos(page)
    drop(card(page, "shoes"), photos("support", "hat")[3])
    expect(card(page, "shoes").locator(".pictures li")).to_have_count(4)
    adapt(page)
    expect(page.locator(".rank", has_text="check")).to_have_count(1)
    expect(card(page, "shoes").locator(".pictures li").last.locator(".rank")).to_have_text("check")
    page.locator("#learnt summary").click()
    expect(page.locator(".advice")).to_contain_text("4.jpg of shoes (hat?)")


def test_a_picture_of_no_class_is_none_of_these(page: Page) -> None:
    page.locator("#example-photos").click()
    adapted(page)
    page.get_by_role("radio", name="Draw", exact=True).check()
    draw(page.locator("#try canvas"), ZIGZAG)
    expect(page.locator(VERDICT)).to_have_text("None of these")


def test_an_example_takes_two_clicks_to_a_prediction(page: Page) -> None:
    page.locator("#example-drawings").click()
    page.locator(".tile").first.click()
    expect(page.locator(VERDICT)).to_have_text("angelic")


def test_a_wrong_answer_is_taught_and_learnt(page: Page) -> None:
    page.locator("#example-photos").click()
    page.locator(".tile").first.click()
    page.get_by_role("button", name="Add this picture to hat").click()
    expect(page.locator("#adapt-status")).to_contain_text("1 new")
    adapt(page)
    expect(page.locator("#history")).to_contain_text("version 2")
    expect(page.locator(VERDICT)).to_have_text("hat")


def test_the_camera_gives_pictures_and_live_answers(page: Page) -> None:
    for name in ("Class 1", "Class 2"):
        card(page, name).get_by_role("button", name="Camera", exact=True).click()
        card(page, name).get_by_role("button", name="Take a picture").click()
        expect(card(page, name).locator(".pictures li")).not_to_have_count(0)
        card(page, name).get_by_role("button", name="Camera", exact=True).click()
    adapt(page)
    page.get_by_role("radio", name="Camera").check()
    expect(page.locator(VERDICT)).to_have_text(re.compile("Class|None"))
