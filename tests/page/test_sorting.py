"""Sorting a folder: pictures without labels, some named, the others sorted under them, confirmed, moved, downloaded."""

from __future__ import annotations

import csv
import zipfile
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from kshot import Client
from tests.page.hand import card, drop, model_id, photos
from tests.serving import Server

NAMES = ("hat", "shoes", "pants")


def sort_photos(page: Page, tmp_path: Path) -> list[Path]:
    """Drops five photos of each class, whose names tell the class, in no order, and waits for them."""
    files = []
    for place in range(5):
        for name in NAMES:
            files.append(tmp_path / f"{name}-{place}.jpg")
            files[-1].write_bytes(photos("support", name)[place].read_bytes())
    drop(page.locator("#sorting"), *files)
    expect(tiles(page)).to_have_count(15)
    return files


def tiles(page: Page, start: str = "") -> Locator:
    named = f'[aria-label^="{start}"]' if start else ""
    return page.locator(f'#sorting [role="option"]{named}')


def name_selected(page: Page, name: str) -> None:
    page.locator("#sort-name").fill(name)
    page.keyboard.press("Enter")


def group(page: Page, name: str) -> Locator:
    return page.locator(".group").filter(has=page.get_by_role("heading", name=name, exact=True))


def name_two_each(page: Page) -> None:
    for name in NAMES:
        tiles(page, f"{name}-0").click()
        tiles(page, f"{name}-1").click(modifiers=["Control"])
        name_selected(page, name)
    expect(page.locator("#sorting [role=status]")).to_contain_text("6 of 15 pictures confirmed")


def sort(page: Page) -> None:
    page.locator("#sorting").get_by_role("button", name="Sort", exact=True).click()
    sorted_now(page)


def sorted_now(page: Page) -> None:
    page.locator('#sorting[aria-busy="true"]').wait_for()
    expect(page.locator("#sorting")).to_have_attribute("aria-busy", "false")


def test_a_folder_is_sorted_after_a_few_were_named_and_downloads_as_class_folders(
    page: Page, shipped: Server, tmp_path: Path
) -> None:
    files = sort_photos(page, tmp_path)
    name_two_each(page)
    expect(card(page, "hat").locator(".pictures li")).to_have_count(2)
    sort(page)
    expect(tiles(page)).to_have_count(9)
    scores = [float(said.rpartition(", ")[2].rstrip(" %")) for said in labels(group(page, "hat"))]
    assert scores == sorted(scores)
    wrong = tiles(page, "hat-2")
    wrong.drag_to(page.get_by_role("button", name="Put the selected in shoes"))
    expect(group(page, "shoes")).to_contain_text("3 confirmed")
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(tiles(page)).to_have_count(9)
    page.get_by_role("button", name="Confirm all", exact=True).click()
    expect(tiles(page)).to_have_count(0)
    with page.expect_download() as download:
        page.get_by_role("button", name="Zip of class folders").click()
    download.value.save_as(tmp_path / "sorted.zip")
    with zipfile.ZipFile(tmp_path / "sorted.zip") as archive:
        assert archive.testzip() is None
        contents = {Path(name).name: (Path(name).parent.name, archive.read(name)) for name in archive.namelist()}
    assert {name: data for name, (_, data) in contents.items()} == {file.name: file.read_bytes() for file in files}
    right = [folder == name.partition("-")[0] for name, (folder, _) in contents.items()]
    assert sum(right) >= 13
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV", exact=True).click()
    download.value.save_as(tmp_path / "sorted.csv")
    rows = list(csv.DictReader((tmp_path / "sorted.csv").read_text().splitlines()))
    assert {row["file"]: row["label"] for row in rows} == {name: folder for name, (folder, _) in contents.items()}
    assert {row["confirmed"] for row in rows} == {"true"}
    page.locator("#sorting").get_by_role("button", name="Sort again").click()
    expect(page.locator("#history")).to_contain_text("version 2")
    with Client(shipped.url) as kshot:
        assert sum(kshot.model(model_id(page)).shots.values()) == 15


def test_pictures_are_sorted_by_keyboard_alone(page: Page, tmp_path: Path) -> None:
    sort_photos(page, tmp_path)
    first = tiles(page).first
    first.focus()
    for name in NAMES:  # they come hat, shoes, pants, hat, …: the one in focus, and the third from it
        page.keyboard.press("Space")
        for _ in range(len(NAMES) - NAMES.index(name)):
            page.keyboard.press("ArrowRight")
        page.keyboard.press("Space")
        page.keyboard.press("n")
        page.keyboard.type(name)
        page.keyboard.press("Enter")
        expect(card(page, name).locator(".pictures li")).to_have_count(2)
        tiles(page).first.focus()
    sort(page)
    tiles(page, "hat-2").focus()
    page.keyboard.press("2")
    expect(card(page, "shoes").locator(".pictures li")).to_have_count(3)
    focused = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert focused.partition(":")[0] != "hat-2.jpg"
    page.keyboard.press("Control+a")
    page.keyboard.press("Enter")
    expect(page.locator("#note")).to_contain_text("confirmed")


def test_a_rectangle_and_shift_select_many(page: Page, tmp_path: Path) -> None:
    sort_photos(page, tmp_path)
    tiles(page).nth(2).click()
    tiles(page).nth(6).click(modifiers=["Shift"])
    expect(page.locator('#sorting [aria-selected="true"]')).to_have_count(5)
    area = page.locator(".groups").bounding_box()
    last = tiles(page).nth(1).bounding_box()
    assert area
    assert last
    page.mouse.move(area["x"] + 6, area["y"] + 6)
    page.mouse.down()
    page.mouse.move(last["x"] + last["width"] / 2, last["y"] + last["height"] / 2, steps=4)
    page.mouse.up()
    expect(page.locator('#sorting [aria-selected="true"]')).to_have_count(2)
    page.mouse.click(area["x"] + 6, area["y"] + 6)
    expect(page.locator('#sorting [aria-selected="true"]')).to_have_count(0)


def labels(part: Locator) -> list[str]:
    found: list[str] = part.get_by_role("option").evaluate_all("tiles => tiles.map((tile) => tile.ariaLabel)")
    return found


def test_what_nobody_looked_at_is_not_confirmed(page: Page, tmp_path: Path) -> None:
    """Where a picture is moved out of the few that are shown, no other takes its place."""
    sort_photos(page, tmp_path)
    name_two_each(page)
    sort(page)
    page.get_by_role("radio", name="teach most").check(force=True)
    more = [path for name in (*NAMES, "dress", "t-shirt") for path in photos("query", name)]
    drop(page.locator("#sorting"), *more)
    button = page.locator("#sorting button.primary")
    expect(button).to_have_text("Confirm these 16, and sort again")
    tiles(page).first.focus()
    page.keyboard.press("1")
    expect(button).to_have_text("Confirm these 15, and sort again")
