"""The page's files as the server gives them."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from pathlib import Path

import httpx
import pytest

from app.http.routes.page import FOLDER
from tests.serving import Server

MOST_BYTES = 200_000
AT_ONCE = r'^import [^"]*"\./|(?:src|href)="page/'
LATER = r'import\("\./'
DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/docs", "text/html"), ("/page/main.js", "text/javascript"), ("/page/style.css", "text/css")],
)
def test_the_page_allows_nothing_from_elsewhere_and_is_kept_by_browsers(server: Server, path: str, kind: str) -> None:
    answer = httpx.get(server.url + path)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert answer.headers["x-content-type-options"] == "nosniff"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    again = httpx.get(server.url + path, headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/page/", "/page/nothing.js", "/page/../main.py", "/page/..%2fmain.py"])
def test_what_is_no_part_of_the_page_is_not_found(server: Server, path: str) -> None:
    answer = httpx.get(server.url + path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_page_weighs_little() -> None:
    """All that it may ever fetch but its words; and what it fetches to open, in whichever language."""
    at_once, ever = fetched("index.html", AT_ONCE), fetched("index.html", AT_ONCE, LATER)
    assert {"index.html", "main.js", "style.css", "words.js", "sorting.js"} <= at_once
    assert {"sharing.js", "project.js", "zip.js"} <= ever - at_once
    words = max(file.stat().st_size for file in (FOLDER / "languages").iterdir())
    assert weight(ever) < MOST_BYTES
    assert weight(at_once) + words < MOST_BYTES


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/languages/zh.json", "/page/style.css"])
def test_a_part_of_the_page_comes_compressed_where_that_is_taken(server: Server, path: str) -> None:
    plain = httpx.get(server.url + path, headers={"Accept-Encoding": "identity"})
    with httpx.stream("GET", server.url + path, headers={"Accept-Encoding": "br, gzip"}) as packed:
        sent = b"".join(packed.iter_raw())
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(sent) == plain.content
    assert len(sent) == int(packed.headers["content-length"]) < 0.7 * len(plain.content)
    assert packed.headers["etag"] == plain.headers["etag"]
    assert packed.headers["vary"].endswith("Accept-Encoding")


def fetched(part: str, *ways: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return a part of the page, and those that it and they name in these ways."""
    known |= {part}
    text = (FOLDER / part).read_text()
    for name in re.findall(rf'(?:{"|".join(ways)})([\w.]+)"', text, re.MULTILINE):
        if name not in known:
            known = fetched(name, *ways, known=known)
    return known


def weight(parts: frozenset[str]) -> int:
    """Return their bytes."""
    return sum((FOLDER / part).stat().st_size for part in parts)


def test_the_page_names_nothing_of_other_hosts() -> None:
    texts = {part.name: part.read_text() for part in FOLDER.iterdir() if part.is_file()}
    found = {name: re.findall(r"(?:https?:)?//[a-z0-9-]+\.[a-z0-9.]+", text) for name, text in texts.items()}
    assert {name for name, hosts in found.items() if set(hosts) - {"http://www.w3.org"}} == set()


@pytest.mark.parametrize("kind", ["photos", "drawings"])
def test_an_example_set_holds_the_sample_data(kind: str) -> None:
    example = json.loads((FOLDER / "examples" / f"{kind}.json").read_text())
    pictures = [*example["queries"], *(each for images in example["classes"].values() for each in images)]
    packed = sorted(b64decode(each["image"].partition(",")[2]) for each in pictures)
    files = [file for part in ("support", "query") for file in (DATA / kind / part).glob("*/*")]
    assert packed == sorted(file.read_bytes() for file in files)
