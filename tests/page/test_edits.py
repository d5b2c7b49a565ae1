"""What becomes of a model after it was made."""

from __future__ import annotations

import re
from pathlib import Path

import onnx
from playwright.sync_api import Page, expect

from kshot import Client
from tests.page.hand import adapt, card, drop, drop_photos, model_id, open_page, photos, rename
from tests.serving import Server


def test_an_edited_model_is_a_version_that_opens_by_its_link_and_exports(
    page: Page, shipped: Server, tmp_path: Path
) -> None:
    drop_photos(page)
    adapt(page)
    first = model_id(page)
    drop(card(page, "hat"), photos("support", "hat")[3])
    card(page, "shoes").get_by_role("button", name=re.compile("^Remove shoes, picture 1")).click()
    adapt(page)
    page.wait_for_url(lambda url: first not in url)
    rename(page, "shoes", "footwear")
    expect(page.locator("#saved a").first).to_have_text("hat and footwear")
    page.reload()
    expect(card(page, "footwear").locator(".pictures img")).to_have_count(2)
    expect(card(page, "hat").locator(".pictures img")).to_have_count(4)
    expect(page.locator("#history")).to_contain_text("version 2")
    page.locator("#from-code summary").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="ONNX").click()
    download.value.save_as(tmp_path / "model.onnx")
    onnx.checker.check_model(tmp_path / "model.onnx")
    with Client(shipped.url) as kshot:
        model = kshot.model(model_id(page))
    assert (model.parent, model.version, model.shots) == (first, 2, {"hat": 4, "footwear": 2})


def test_what_was_removed_comes_back_by_undo(page: Page) -> None:
    drop_photos(page)
    card(page, "hat").get_by_role("button", name=re.compile("^Remove hat, picture 1")).click()
    expect(card(page, "hat").locator(".pictures li")).to_have_count(2)
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(card(page, "hat").locator(".pictures li")).to_have_count(3)
    card(page, "hat").get_by_role("button", name="Remove this class").click()
    expect(page.locator(".card")).to_have_count(1)
    page.get_by_role("button", name="Undo", exact=True).last.click()
    expect(page.locator(".card")).to_have_count(2)


def test_a_model_is_deleted_after_a_second_thought(page: Page, shipped: Server) -> None:
    drop_photos(page)
    adapt(page)
    made = model_id(page)
    row = page.locator("#saved li").filter(has=page.locator(f'a[href="#model={made}"]'))
    row.get_by_role("button").click()
    assert made in shipped.models()
    row.get_by_role("button").click()
    expect(row).to_have_count(0)
    assert made not in shipped.models()
    expect(card(page, "hat").locator(".pictures li")).to_have_count(3)


def test_the_lines_for_code_are_this_models(page: Page, shipped: Server) -> None:
    drop_photos(page)
    adapt(page)
    page.locator("#from-code summary").click()
    page.get_by_role("button", name="Copy the curl lines").click()
    expect(page.locator("#said")).to_have_text("Copied.")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"curl -F model_id={model_id(page)} -F images=@picture.jpg {shipped.url}/predict"


def test_going_back_shows_the_version_before(page: Page, shipped: Server) -> None:
    drop_photos(page)
    adapt(page)
    first = page.url
    drop(card(page, "hat"), photos("support", "hat")[3])
    adapt(page)
    page.wait_for_url(lambda url: url != first)
    page.go_back()
    expect(card(page, "hat").locator(".pictures li")).to_have_count(3)
    open_page(page, shipped.url)


def test_a_model_of_numbers_is_listed_and_says_who_takes_it(page: Page, shipped: Server) -> None:
    with Client(shipped.url) as kshot:
        kshot.adapt(inputs=[[0.0], [1.0]], targets=[[0.0], [1.0]], checkpoint="sine", name="a wave")
    page.reload()
    row = page.locator("#models li", has_text="a wave")
    expect(row).to_contain_text("estimates numbers")
    row.get_by_role("link").click()
    expect(page.locator("#note")).to_contain_text("a wave takes numbers")
    expect(page.locator(".card")).to_have_count(2)
