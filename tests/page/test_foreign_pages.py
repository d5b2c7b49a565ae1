"""Pages of other sites, in a real browser: without leave they make, read and delete nothing."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from app.tenants.keys import KeyFile
from tests.app.drawings import QUERY, SUPPORT, adapt, label
from tests.page.conftest import REBOUND
from tests.serving import Server

FORM = """const form = (pictures, texts) => {
  const body = new FormData();
  pictures.forEach((data) => {
    const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
    body.append("images", new Blob([bytes]), "a.png");
  });
  texts.forEach(([name, text]) => body.append(name, text));
  return body;
};"""
"""Makes a form of pictures in base64 and of texts by name."""
STEAL = f"""async ([url, id, pictures, labels]) => {{
  {FORM}
  const adapting = () => form(pictures, labels.map((label) => ["labels", label]));
  const tried = [
    [`${{url}}/models`, {{}}],
    [`${{url}}/models/${{id}}`, {{ method: "DELETE" }}],
    [`${{url}}/adapt`, {{ method: "POST", body: adapting() }}],
    [`${{url}}/adapt`, {{ method: "POST", body: adapting(), mode: "no-cors" }}],
    [`${{url}}/models/${{id}}`, {{ mode: "no-cors" }}],
  ];
  return Promise.all(tried.map(async ([address, options]) => {{
    try {{
      const answer = await fetch(address, options);
      return answer.type === "opaque" ? "unread" : String(answer.status);
    }} catch {{ return "unread"; }}
  }}));
}}"""
USE = f"""async ([url, key, pictures, labels, asked]) => {{
  {FORM}
  const headers = key ? {{ Authorization: `Bearer ${{key}}` }} : {{}};
  const post = async (path, body) => (await fetch(url + path, {{ method: "POST", headers, body }})).json();
  const model = await post("/adapt", form(pictures, labels.map((label) => ["labels", label])));
  return (await post("/predict", form(asked, [["model_id", model.id]]))).predictions.map(({{ label }}) => label);
}}"""
PICTURES, LABELS = [b64encode(path.read_bytes()).decode() for path in SUPPORT], [label(path) for path in SUPPORT]
ASKED = [b64encode(path.read_bytes()).decode() for path in QUERY]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """Another site, with a page."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as site:
        thread = threading.Thread(target=site.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{site.server_port}"
        site.shutdown()
        thread.join()


class Elsewhere(BaseHTTPRequestHandler):
    """A page at every path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def elsewhere(browser: Browser, origin: str) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.goto(origin)
    yield page
    context.close()


def test_a_page_of_another_site_makes_reads_and_deletes_nothing(elsewhere: Page, server: Server) -> None:
    model_id = adapt(server.url).json()["id"]
    before = server.models()
    assert set(elsewhere.evaluate(STEAL, [server.url, model_id, PICTURES, LABELS])) == {"unread"}
    assert server.models() == before


def test_a_name_that_was_bound_anew_to_this_machine_gives_nothing_away(browser: Browser, server: Server) -> None:
    model_id = adapt(server.url).json()["id"]
    before = server.models()
    context = browser.new_context()
    page = context.new_page()
    rebound = f"http://{REBOUND}:{server.port}"
    page.goto(f"{rebound}/livez")
    assert set(page.evaluate(STEAL, [rebound, model_id, PICTURES, LABELS])) <= {"403", "unread"}
    context.close()
    assert server.models() == before


def test_a_link_leads_to_the_page(elsewhere: Page, server: Server) -> None:
    elsewhere.set_content(f'<a href="{server.url}/">kshot</a>')
    elsewhere.get_by_role("link").click()
    expect(elsewhere.get_by_role("heading", level=1)).to_be_visible()


@pytest.mark.parametrize("keyed", [False, True])
def test_a_page_of_an_allowed_origin_adapts_and_predicts(
    elsewhere: Page, origin: str, tmp_path: Path, keyed: bool
) -> None:
    keys = tmp_path / "keys.json"
    key = KeyFile(keys).add("alice")[1] if keyed else None
    server = Server(tmp_path, cors_origins=origin, keys=keys if keyed else "")
    server.start()
    try:
        found = elsewhere.evaluate(USE, [server.url, key, PICTURES, LABELS, ASKED])
    finally:
        server.stop()
    assert len(found) == len(QUERY)
    assert sum(map(str.__eq__, found, map(label, QUERY))) > len(QUERY) / 2
