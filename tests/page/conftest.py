"""A real browser on the real page. Chromium is Debian's, or whichever is found."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from benchmarks.browser import REMEDY, find, launch
from tests.page.hand import SECONDS, open_page
from tests.serving import Server

REBOUND = "rebound.example"  # a name that this browser finds on this machine
NOT_OURS = "Failed to load resource"  # the browser's own line about an answer that says what is wrong

expect.set_options(timeout=SECONDS)  # what is waited for comes at some time, late where the machine is busy


def _found(playwright: Playwright) -> bool:
    """Fails where KSHOT_REQUIRE_BROWSER is set and there is none."""
    found = find(playwright) is not None
    if not found and os.environ.get("KSHOT_REQUIRE_BROWSER"):
        pytest.fail(REMEDY)
    return found


@pytest.fixture(scope="module")  # no longer: while it lives, asyncio.run() is refused
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        if not _found(playwright):
            pytest.skip(REMEDY)
        browser = launch(playwright, f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1")
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, shipped: Server) -> Iterator[Page]:
    """The page, just opened. Fails if a script fails, or the policy is violated."""
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error.stack)))
    page.on("console", lambda line: faults.append(line.text) if line.type in ("error", "warning") else None)
    open_page(page, shipped.url)
    yield page
    context.close()
    assert [fault for fault in faults if NOT_OURS not in fault] == []
