"""What made newcomers stop, and must not again."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.page.hand import CROSS, adapt, adapted, card, draw, drop, drop_photos, model_id, open_page, photos
from tests.serving import Server

ON_SCREEN = "(part) => { const box = part.getBoundingClientRect(); return box.top >= 0 && box.bottom <= innerHeight; }"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
SECONDS_BETWEEN = 0.3  # pictures, while the shutter is held
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.mark.parametrize("size", SIZES)
def test_the_answer_is_on_the_screen_after_the_example(page: Page, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.locator("#example-photos").click()
    adapted(page)
    expect(page.locator("#trying")).to_be_focused()
    page.locator(".tile").nth(1).click()
    verdict = page.locator("#trying .verdict strong")
    expect(verdict).to_have_text("hat")
    for part in (verdict, page.locator("#trying .bars"), page.locator("#trying img.query")):
        assert part.evaluate(ON_SCREEN), part
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Add this picture to shoes").click()
    taught = page.locator("#trying .taught")
    expect(taught).to_contain_text("Added to shoes. Not learnt yet.")
    taught.get_by_role("button", name="Undo").click()
    expect(card(page, "shoes").locator(".pictures li")).to_have_count(5)
    page.evaluate("scrollTo(0, 0)")
    page.locator("#trying input[type=file]").set_input_files(photos("query", "pants")[0])
    expect(verdict).to_have_text("pants")
    page.wait_for_function(ON_SCREEN, arg=verdict.element_handle())
    expect(page.locator(".rank", has_text="check")).to_have_count(0)  # none of these is in a wrong place


@pytest.mark.parametrize("height", [720, 1400])  # scrolled to the shutter, or not
def test_holding_the_shutter_takes_one_picture_after_another(page: Page, height: int) -> None:
    page.set_viewport_size({"width": 1280, "height": height})
    card(page, "Class 1").get_by_role("button", name="Camera", exact=True).click()
    shutter = card(page, "Class 1").get_by_role("button", name="Take a picture")
    expect(shutter).to_be_enabled()
    shutter.hover()  # which waits until it keeps its place
    box = shutter.bounding_box()
    assert box
    taken, pressed = card(page, "Class 1").locator(".pictures li"), time.monotonic()
    page.mouse.down()
    expect(taken.nth(1)).to_be_visible()
    page.mouse.move(box["x"], box["y"] + 200)
    expect(taken.nth(3)).to_be_visible()
    page.mouse.up()
    most = 1 + (time.monotonic() - pressed) / SECONDS_BETWEEN
    after = shutter.bounding_box()
    assert after
    assert abs(after["y"] - box["y"]) < 2
    page.wait_for_timeout(8 * SECONDS_BETWEEN * 1000)
    assert 4 <= taken.count() <= most


def test_nothing_can_be_done_before_it_works_and_no_drop_leaves_the_page(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text("Teach an image classifier with a few photos")
    expect(page.locator("#adapt")).to_be_disabled()
    expect(page.locator("#project-save")).to_be_disabled()
    drop(page.locator("footer"), photos("support", "hat")[0])
    expect(page.locator("#note")).to_contain_text("Drop pictures on a class")
    drop(page.locator("#trying"), photos("support", "hat")[0])
    expect(page.locator("#note")).to_contain_text("Train first")


def test_drawings_are_told_of_as_people_speak(page: Page) -> None:
    page.locator("#example-drawings").click()
    adapted(page)
    page.locator("#learnt summary").click()
    said = page.locator("main").inner_text()
    for jargon in ("second picture", "e-9", "e-10", "omniglot", "images[", "GET /", "loss"):
        assert jargon.lower() not in said.lower(), jargon
    assert page.locator("#loss circle").count() != 1
    page.get_by_role("radio", name="Draw", exact=True).check(force=True)
    draw(page.locator("#try canvas"), CROSS)
    expect(page.locator("#trying .bars li")).not_to_have_count(0)
    page.locator("#try").get_by_role("button", name="Clear").click()
    expect(page.locator("#trying .bars li")).to_have_count(0)
    row = page.locator("#models li").first
    row.scroll_into_view_if_needed()
    expect(row.locator(".thumbnails img")).to_have_count(3)
    expect(row).to_contain_text(re.compile("drawings, 5 classes.*goes in (60|59) minutes"))


def test_a_page_whose_server_fails_says_so_and_tries_again(page: Page) -> None:
    problem = {"type": "/problems/unexpected", "title": "Unexpected", "status": 500, "detail": "It broke."}
    page.route("**/checkpoints", lambda route: route.fulfill(status=500, json=problem), times=1)
    page.reload()
    expect(page.locator("#cards [role=alert]")).to_contain_text("It broke.")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".card")).to_have_count(2)


def test_few_pictures_are_never_said_to_be_all_right(page: Page) -> None:
    drop_photos(page)
    adapt(page)
    expect(page.locator(".accuracy")).to_contain_text("of 100 new pictures")
    assert not re.search(r"\b100 %", page.locator("#adapting").inner_text())


def test_the_page_says_what_it_is_for_and_where_things_go(page: Page) -> None:
    """What somebody takes in within five seconds."""
    assert [title.split()[-1] for title in page.locator("h2:has(.number)").all_inner_texts()] == [
        "Add",
        "Train",
        "Test",
    ]
    for zone in (".card .place", "#sorting .drop"):
        assert style(page, zone, "borderTopStyle") == "dashed"
    assert style(page, ".card .name", "borderTopWidth") != "0px"  # a name looks like what can be edited
    page.locator("#options summary").click()
    assert page.locator("#lifetime").evaluate("(select) => select.scrollWidth <= select.clientWidth")


def style(page: Page, part: str, name: str) -> str:
    return str(page.locator(part).first.evaluate("(part, name) => getComputedStyle(part)[name]", name))


def test_a_camera_has_its_bars_beneath_it(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 900})
    page.locator("#example-photos").click()
    adapted(page)
    page.get_by_role("radio", name="Camera").check(force=True)
    expect(page.locator("#trying .bars li")).to_have_count(5)
    video, bars = (page.locator(f"#trying {part}").bounding_box() for part in ("video", ".bars"))
    assert video
    assert bars
    assert 0 < bars["y"] - (video["y"] + video["height"]) < 120
    assert page.locator("#trying .verdict").evaluate(ON_SCREEN)
    page.get_by_role("radio", name="Draw", exact=True).check(force=True)
    draw(page.locator("#try canvas"), CROSS)
    expect(page.locator("#trying .verdict strong")).to_have_text("None of these")


def test_an_emptied_pad_has_no_answer_beneath_it(page: Page) -> None:
    page.locator("#example-drawings").click()
    adapted(page)
    page.get_by_role("radio", name="Draw", exact=True).check()
    draw(page.locator("#try canvas"), CROSS)
    expect(page.locator("#trying .verdict strong")).not_to_be_empty()
    page.locator("#try").get_by_role("button", name="Clear").click()
    expect(page.locator("#trying .verdict")).to_be_hidden()
    expect(page.locator("#trying .bars li")).to_have_count(0)


def test_saved_models_are_told_apart_by_their_pictures_and_examples_do_not_stay(page: Page, shipped: Server) -> None:
    page.locator("#example-photos").click()
    adapted(page)
    row = page.locator("#models li").first
    row.scroll_into_view_if_needed()
    expect(row.locator("img")).to_have_count(3)
    assert row.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    expect(row).to_contain_text("Example: photos")
    model = httpx.get(f"{shipped.url}/models/{model_id(page)}").json()
    assert model["expires_at"] is not None


def test_what_is_said_of_an_action_stays_after_it(page: Page, shipped: Server, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hello")
    drop(page.locator("#sorting"), photos("query", "hat")[0], notes)
    expect(page.locator("#note")).to_contain_text("1 file left out. notes.txt")
    drop_photos(page)
    adapt(page)
    drop(page.locator("#sorting"), photos("query", "hat")[1], notes)
    expect(page.locator("#sorting")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#note")).to_contain_text("1 file left out. notes.txt")
    remove = page.locator("#models li", has_text="open").get_by_role("button")
    remove.click()
    remove.click()
    expect(page.locator("#note")).to_contain_text("The model is deleted.")
    page.goto(f"{shipped.url}/#model={'0' * 32}")
    expect(page.locator("#note")).to_contain_text("no longer on the server")
    page.goto("about:blank")
    page.goto(f"{shipped.url}/#project=0123456789abcdef")
    expect(page.locator("#note")).to_contain_text("no longer keeps that project")


def test_many_bad_files_are_told_at_once_and_before_training(page: Page, tmp_path: Path) -> None:
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file in files:
        file.write_text("no picture")
    drop(card(page, "Class 1"), *files, photos("support", "hat")[0])
    expect(page.locator("#taken summary")).to_have_text("3 files left out")
    assert [line.split(":")[0] for line in page.locator("#taken li").all_inner_texts()] == [file.name for file in files]
    expect(card(page, "Class 1").locator(".pictures li")).to_have_count(1)


def test_what_can_not_be_sorted_yet_is_not_offered_and_a_finger_selects_many(browser: Browser, shipped: Server) -> None:
    context = browser.new_context(viewport=PHONE, has_touch=True)
    page = context.new_page()
    open_page(page, shipped.url)
    drop(page.locator("#sorting"), *photos("query", "hat"), *photos("query", "shoes"))
    tiles = page.locator('#sorting [role="option"]')
    expect(tiles).to_have_count(6)
    expect(page.get_by_role("radio", name="teach most")).to_be_hidden()
    expect(page.get_by_role("button", name="Zip of class folders")).to_be_hidden()
    for name, places in (("hat", (0, 1)), ("shoes", (1, 2))):
        for place in places:
            tiles.nth(place).tap()
        expect(page.locator('#sorting [aria-selected="true"]')).to_have_count(2)
        page.locator("#sort-name").fill(name)
        page.keyboard.press("Enter")
    assert page.locator(".group h3").all_inner_texts() == ["Not sorted yet", "hat", "shoes"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    context.close()
