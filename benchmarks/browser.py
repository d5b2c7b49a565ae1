"""A browser for the page: Debian's Chromium, or whichever is found."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
REMEDY = "needs Chromium: `apt-get install chromium-headless-shell` or `chromium`, or `playwright install chromium`"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def find(playwright: Playwright) -> str | None:
    """Its executable, if there is one."""
    own = playwright.chromium.executable_path
    return next(filter(None, map(shutil.which, NAMES)), own if Path(own).exists() else None)


def launch(playwright: Playwright, *further: str) -> Browser:
    """Start it, with further arguments. Raises SystemExit, with the remedy, where there is none."""
    executable = find(playwright)
    if executable is None:
        raise SystemExit(REMEDY)
    return playwright.chromium.launch(executable_path=executable, args=[*ARGUMENTS, *further])
