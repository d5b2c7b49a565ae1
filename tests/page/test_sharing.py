"""A shared model on a phone: a second browser, without a key, asks it by its link and can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.tenants.keys import KeyFile
from kshot import Client
from tests.app.drawings import FOLDER, QUERY
from tests.page.conftest import REBOUND
from tests.page.hand import ZIGZAG as SCRIBBLE
from tests.page.hand import adapted, draw, photos
from tests.serving import Server

PHONE = {"width": 390, "height": 844}
VERDICT = ".verdict strong"
TRY = """async ([token, tried]) => {
    const headers = { Authorization: `Bearer ${token}` };
    const one = async ([method, path]) => {
        const [call, model] = path.split(" of ");
        const body = new FormData();
        if (model) body.append("model_id", model);
        return (await fetch(`/${call}`, { method, headers, body: method === "GET" ? undefined : body })).status;
    };
    return Promise.all(tried.map(one));
}"""
"""Statuses of calls with a token, as a script of the page may send them."""
BENEATH = """([verdict, most]) => {
    const [camera, answer] = ["video", verdict].map((name) => document.querySelector(name));
    const [above, below] = [camera, answer].map((part) => part.getBoundingClientRect().top);
    return answer.textContent !== "" && above < below && below < most;
}"""
"""Whether there is an answer beneath the camera; looked at in one go, as the next answer comes soon."""


def test_a_link_is_made_asked_by_another_browser_and_taken_back(page: Page, browser: Browser, shipped: Server) -> None:
    page.locator("#example-photos").click()
    adapted(page)
    page.locator("#share").click()
    page.get_by_role("button", name="Make a link").click()
    link = page.get_by_label("The link", exact=True).input_value()
    assert link.startswith(f"{shipped.url}/m/")
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    phone = context.new_page()
    phone.goto(link)
    phone.locator("#trying input[type=file]").set_input_files(photos("query", "hat")[0])
    expect(phone.locator(VERDICT)).to_have_text("hat")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("radio", name="Camera").check(force=True)
    expect(phone.locator(VERDICT)).not_to_have_text("hat")
    phone.wait_for_function(BENEATH, arg=[VERDICT, PHONE["height"] - 40])
    phone.get_by_role("radio", name="Draw").check(force=True)
    expect(phone.locator(VERDICT)).to_be_hidden()
    draw(phone.locator("canvas"), SCRIBBLE)
    expect(phone.locator(VERDICT)).to_have_text("None of these")
    phone.get_by_role("button", name="Clear").click()
    expect(phone.locator(VERDICT)).to_be_hidden()
    page.get_by_role("button", name="Take back the link").click()
    expect(page.locator(".shares li")).to_have_count(0)
    phone.reload()
    expect(phone.locator("#refused")).to_contain_text("doesn’t work any more")
    context.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    """A server that asks for keys, and one."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = KeyFile(folder / "keys.json")
    _, key = keys.add("owner")
    server = Server(folder, keys=keys.path)
    server.start()
    yield server, key
    server.stop()


def test_a_browser_without_a_key_predicts_by_its_token_and_does_nothing_else(
    browser: Browser, guarded: tuple[Server, str]
) -> None:
    server, key = guarded
    with Client(server.url, api_key=key) as owner:
        model, other = (owner.adapt(FOLDER, steps=0).id for _ in range(2))
        share = owner.share(model)
        context = browser.new_context()
        page = context.new_page()
        page.goto(share.link)
        page.locator("#trying input[type=file]").set_input_files(QUERY[0])
        expect(page.locator(VERDICT)).not_to_be_empty()
        tried = [
            ("GET", "models", 401),
            ("POST", "adapt", 401),
            *((method, f"models/{model}", 401) for method in ("GET", "DELETE", "PATCH")),
            *(("POST", f"models/{model}/{part}", 401) for part in ("versions", "evaluate", "rank", "shares")),
            *(("GET", f"models/{model}/{part}", 401) for part in ("images", "images/0", "export", "shares")),
            ("GET", "checkpoints", 401),
            ("POST", f"predict of {other}", 404),
            ("POST", f"predict of {model}", 422),  # let in, but it sends no picture
        ]
        answered = page.evaluate(TRY, [share.token, [(method, path) for method, path, _ in tried]])
        assert answered == [status for _, _, status in tried]
        page.goto(f"{server.url}/")
        page.locator("#key-input").wait_for()
        owner.unshare(model, share.id)
        page.goto(share.link)
        expect(page.locator("#refused")).to_contain_text("doesn’t work any more")
        assert page.evaluate(TRY, [share.token, [("POST", f"predict of {model}")]]) == [401]
        context.close()


def test_where_a_browser_gives_no_camera_the_page_says_why(browser: Browser, guarded: tuple[Server, str]) -> None:
    """By plain http from another machine, as which this name passes."""
    server, key = guarded
    with Client(server.url, api_key=key) as owner:
        share = owner.share(owner.adapt(FOLDER, steps=0).id)
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(share.link.replace("127.0.0.1", REBOUND))
    page.get_by_role("radio", name="Camera").check(force=True)
    expect(page.locator("#trying [role=alert]")).to_contain_text("only to pages that come by https://")
    context.close()
