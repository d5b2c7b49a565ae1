"""How long the page takes from being opened to the first prediction, by two clicks, and what it weighs.

    python -m benchmarks.page              # 20 times each example
    python -m benchmarks.page --times 5

Each time in a new browser context, its cache empty: open the page, click an example, click one of its new pictures as
soon as that can be done, wait for the answer. The server runs in a process of its own; browser and server share
the cores.
"""

import time
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import typer
from playwright.sync_api import Browser, sync_playwright

from benchmarks.browser import launch
from benchmarks.machine import describe_machine
from benchmarks.server import running_server

KINDS = ("photos", "drawings")
MARKS = ("cards shown", "adapted", "answered")
Times = tuple[float, ...]


def main(times: Annotated[int, typer.Option(min=2, help="Of each example.")] = 20) -> None:
    """Time both examples in turns."""
    with running_server() as url, sync_playwright() as playwright:
        browser = launch(playwright)
        sent, content = (f"{weight / 1000:.0f} KB" for weight in _weights(browser, url))
        typer.echo(
            f"{describe_machine()}; {times} times\nTo open the page, {sent} are sent for {content} of content.\n"
        )
        for kind in KINDS:
            _once(browser, url, kind)  # the server's first requests are slower
        found = [{kind: _once(browser, url, kind) for kind in KINDS} for _ in range(times)]
        browser.close()
    for kind in KINDS:
        _print(kind, [each[kind] for each in found])


def _once(browser: Browser, url: str, kind: str) -> Times:
    """Seconds from the beginning to each of MARKS."""
    context = browser.new_context()
    page = context.new_page()
    start = time.perf_counter()
    page.goto(url)
    page.locator(".card").first.wait_for()
    shown = time.perf_counter()
    page.locator(f"#example-{kind}").click()
    page.locator("#use").wait_for()
    adapted = time.perf_counter()
    page.locator(".tile").first.click()
    page.locator(".verdict strong").wait_for()
    answered = time.perf_counter()
    context.close()
    return tuple(mark - start for mark in (shown, adapted, answered))


def _weights(browser: Browser, url: str) -> tuple[int, int]:
    """Return the bytes that a browser is sent to open the page, headers and all, and those of the content."""
    page = browser.new_page()
    page.goto(url)
    page.locator(".card").first.wait_for()
    entries = "[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]"
    total = "(name) => ENTRIES.reduce((sum, entry) => sum + entry[name], 0)".replace("ENTRIES", entries)
    sent, content = (int(page.evaluate(total, name)) for name in ("transferSize", "decodedBodySize"))
    page.close()
    return sent, content


def _print(kind: str, found: Sequence[Times]) -> None:
    typer.echo(f"| {kind}: seconds from opening | median | p5 | p95 | most |\n|---|---|---|---|---|")
    for mark, seconds in zip(MARKS, zip(*found, strict=True), strict=True):
        figures = [*np.percentile(seconds, (50, 5, 95)), max(seconds)]
        typer.echo(f"| {mark} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    typer.echo()


if __name__ == "__main__":
    typer.run(main)
