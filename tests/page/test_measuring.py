"""Labelled pictures that took no part say how many a model gets right, on the page."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.app.drawings import zipped
from tests.page.hand import adapt, drop, drop_photos, photos


def test_a_test_set_gives_a_share_a_table_and_the_mistakes(page: Page, tmp_path: Path) -> None:
    expect(page.locator("#measuring")).to_be_hidden()
    drop_photos(page)
    adapt(page)
    files = {f"{name}/{path.name}": path.read_bytes() for name in ("hat", "shoes") for path in photos("query", name)}
    files["shoes/wrong.jpg"] = photos("query", "hat")[0].read_bytes()
    files["dress/1.jpg"] = photos("query", "dress")[0].read_bytes()
    (tmp_path / "test.zip").write_bytes(zipped(files))
    drop(page.locator("#measuring"), tmp_path / "test.zip")
    expect(page.locator(".measured .accuracy")).to_contain_text(re.compile(r"^\d of 7 named right"))
    expect(page.locator(".measured")).to_contain_text("no such class: dress (1)")
    rows = page.locator(".measured tbody tr").all_inner_texts()
    assert [row.split("\t")[0] for row in rows] == ["hat", "shoes"]
    assert rows[0].split("\t")[1] == "3"
    assert rows[1].split("\t")[1] == "1"
    first = page.locator(".mistakes li").first
    expect(first).to_contain_text("wrong.jpg is shoes; it said hat")
    drop(page.locator("#measuring"), photos("query", "hat")[0])
    expect(page.locator("#note")).to_contain_text("a folder of pictures for each class")
