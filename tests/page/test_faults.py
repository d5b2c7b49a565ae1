"""What goes wrong is shown where it belongs, and costs nothing of what was there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.page.hand import adapt, adapted, card, drop, drop_photos, open_page, photos
from tests.serving import Server


@pytest.fixture
def fragile(browser: Browser, tmp_path: Path) -> Iterator[tuple[Page, Server]]:
    """A page whose server may be killed."""
    server = Server(tmp_path)
    server.start()
    context = browser.new_context()
    page = context.new_page()
    open_page(page, server.url)
    yield page, server
    context.close()
    server.stop()


def test_what_is_no_picture_and_what_shows_nothing_is_said(page: Page, tmp_path: Path) -> None:
    wrong, blank = tmp_path / "notes.png", tmp_path / "white.png"
    wrong.write_text("I am no picture.")
    Image.new("RGB", (90, 90), "white").save(blank)
    drop_photos(page)
    drop(card(page, "shoes"), wrong, blank)
    expect(page.locator("#taken")).to_contain_text("notes.png: it is no picture")
    expect(page.locator("#taken")).to_contain_text("Send a picture")
    expect(page.locator("#taken")).to_contain_text("white.png is the same all over")
    adapt(page)
    expect(page.locator("#expectation")).to_contain_text("white.png is the same all over")
    drop(page.locator("#trying"), wrong, blank)
    expect(page.locator("#note")).to_contain_text("notes.png: it is no picture")
    expect(page.locator("#note")).to_contain_text("white.png is the same all over")


def test_two_classes_of_one_name_are_refused_with_the_remedy(page: Page) -> None:
    field = card(page, "Class 2").get_by_label("Name of the class")
    field.fill("\u200bClass\u00a01 ")  # as people see it, the same name
    field.press("Enter")
    expect(card(page, "Class 2").locator(".error").first).to_contain_text("another name")


def test_one_class_is_told_to_get_a_second(page: Page) -> None:
    drop(card(page, "Class 1"), *photos("support", "hat")[:1])
    expect(page.locator("#adapt-status")).to_contain_text("at least two classes")
    expect(page.locator("#adapt")).to_be_disabled()


def test_a_server_that_goes_away_and_comes_back_is_waited_for(fragile: tuple[Page, Server]) -> None:
    page, server = fragile
    drop_photos(page)
    server.kill()
    page.locator("#adapt").click()
    expect(page.locator("#banner")).to_contain_text("can’t be reached")
    expect(card(page, "hat").locator(".pictures li")).to_have_count(3)
    server.start()
    adapted(page)
    expect(page.locator("#banner")).to_be_hidden()
    assert len(server.models()) == 1


def test_waiting_for_a_server_can_be_stopped(fragile: tuple[Page, Server]) -> None:
    page, server = fragile
    drop_photos(page)
    server.kill()
    page.locator("#adapt").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator("#adapt-error")).to_contain_text("Stopped")
    expect(page.locator("#adapt")).to_be_enabled()


def test_a_busy_server_is_asked_again(page: Page) -> None:
    busy = {"type": "/problems/queue-full", "title": "The server is busy", "status": 429, "detail": "64 requests wait."}
    page.route("**/adapt", lambda route: route.fulfill(status=429, json=busy, headers={"Retry-After": "1"}), times=1)
    drop_photos(page)
    page.locator("#adapt").click()
    expect(page.locator("#banner")).to_contain_text("The server is busy. Trying again in 1 s")
    adapted(page)


def test_a_server_that_wants_a_key_is_given_one(page: Page) -> None:
    keys: list[str | None] = []
    page.on("request", lambda request: keys.append(request.headers.get("authorization")))
    refusal = {"type": "/problems/key-missing", "title": "No key", "status": 401, "detail": "Send an API key."}
    page.route("**/adapt", lambda route: route.fulfill(status=401, json=refusal), times=1)
    drop_photos(page)
    page.locator("#adapt").click()
    page.locator("#key-input").fill("secret")
    page.get_by_role("button", name="Use it", exact=True).click()
    adapted(page)
    assert "Bearer secret" in keys
