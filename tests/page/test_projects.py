"""What somebody works on is there again: after a reload, on going back, in another tab, and from a file."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.page.hand import adapt, card, drop, drop_photos, model_id, open_page, photos
from tests.serving import Server

KEPT = "() => location.hash.includes('project=')"
STATES = """() => new Promise((resolve) => {
  indexedDB.open("kshot").onsuccess = ({ target }) => {
    const states = target.result.transaction("states").objectStore("states");
    states.count().onsuccess = (answer) => resolve(answer.target.result);
  };
})"""
"""How many are kept."""


def test_unsaved_work_survives_a_reload_going_away_and_a_second_tab(page: Page, shipped: Server) -> None:
    drop_photos(page)
    adapt(page)
    drop(card(page, "hat"), photos("support", "hat")[3])
    page.locator("#project-name").fill("Wardrobe")
    drop(page.locator("#sorting"), *photos("query", "hat"))
    expect(page.locator('#sorting [role="option"]')).to_have_count(len(photos("query", "hat")))
    page.wait_for_function(KEPT)
    page.wait_for_timeout(500)
    page.reload()
    as_it_was(page)
    page.goto(f"{shipped.url}/docs")
    page.go_back()
    as_it_was(page)
    other = page.context.new_page()
    other.goto(page.url)
    as_it_was(other)
    expect(other.locator("#note")).to_contain_text("another tab")
    other.wait_for_function("(there) => location.href !== there", arg=page.url)
    open_page(other, shipped.url)
    expect(other.locator("#last")).to_contain_text("Go on with Wardrobe")
    other.close()


def as_it_was(page: Page) -> None:
    """Trained, with one picture more since, and some to sort."""
    expect(card(page, "hat").locator(".pictures li")).to_have_count(4)
    expect(card(page, "hat").locator(".pictures .new")).to_have_count(1)
    expect(page.locator("#adapt-status")).to_contain_text("1 new")
    expect(page.locator("#project-name")).to_have_value("Wardrobe")
    expect(page.locator('#sorting [role="option"]')).to_have_count(len(photos("query", "hat")))


def test_reloads_keep_one_project_with_what_an_undo_brought_back(page: Page, shipped: Server) -> None:
    drop_photos(page)
    page.wait_for_function(KEPT)
    card(page, "hat").get_by_role("button", name=re.compile("^Remove hat, picture 1")).click()
    page.wait_for_timeout(500)  # it is kept without the picture
    other = page.context.new_page()
    open_page(other, shipped.url)  # which lets go of pictures that no project has
    expect(other.locator("#last")).to_be_visible()
    other.close()
    page.get_by_role("button", name="Undo", exact=True).last.click()
    for _ in range(2):
        page.wait_for_timeout(500)
        page.reload()
        expect(card(page, "hat").locator(".pictures li")).to_have_count(3)
    page.wait_for_timeout(500)
    assert page.evaluate(STATES) == 1


def test_a_project_goes_through_a_file(page: Page, shipped: Server, tmp_path: Path) -> None:
    drop_photos(page)
    adapt(page)
    made = model_id(page)
    page.locator("#project-name").fill("Wardrobe")
    with page.expect_download() as download:
        page.locator("#project-save").click()
    assert download.value.suggested_filename == "Wardrobe.zip"
    download.value.save_as(tmp_path / "Wardrobe.zip")
    with zipfile.ZipFile(tmp_path / "Wardrobe.zip") as archive:
        document = json.loads(archive.read("project.json"))
        contents = {archive.read(each["file"]) for each in document["pictures"]}
    assert contents == {file.read_bytes() for name in ("hat", "shoes") for file in photos("support", name)[:3]}
    assert (document["model_id"], document["classes"], document["name"]) == (made, ["hat", "shoes"], "Wardrobe")
    page.get_by_role("link", name="New", exact=True).click()
    expect(card(page, "Class 1")).to_be_visible()
    drop(page.locator("#classes"), tmp_path / "Wardrobe.zip")
    expect(card(page, "hat").locator(".pictures li")).to_have_count(3)
    expect(page.locator("#adapt")).to_have_text("Trained")
    expect(page.locator("#project-name")).to_have_value("Wardrobe")
    open_page(page, shipped.url)
