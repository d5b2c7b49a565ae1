"""Whose requests are answered: hosts, origins, proxies and prefixes, over HTTP. tests/page has real foreign pages."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.app.drawings import QUERY, adapt, predict
from tests.serving import Server, why_it_does_not_start

OURS = "https://app.example"
PROXY = "127.0.0.2"


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("trusting"),
        trusted_hosts="models.example",
        cors_origins=OURS.replace("app", "App"),
        trusted_proxies=f"{PROXY},10.0.0.0/8",
        root_path="/kshot",
    )
    server.start()
    yield server
    server.stop()


def asked_for(server: Server, host: str, path: str = "/models") -> httpx.Response:
    return httpx.get(server.url + path, headers={"Host": host})


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "127.8.9.1", "localhost", "LocalHost:1", "[::1]:8000"])
def test_a_request_for_the_loopback_is_answered(server: Server, host: str) -> None:
    assert asked_for(server, host).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8000", "10.0.0.1", "[::2]", ""]
)
def test_a_request_for_another_host_is_refused_and_told_the_setting(server: Server, host: str) -> None:
    answer = asked_for(server, host)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/host-untrusted")
    assert "KSHOT_TRUSTED_HOSTS=" in answer.json()["detail"]


def test_probes_and_trusted_names_need_no_loopback(server: Server, trusting: Server) -> None:
    assert {asked_for(server, "10.1.2.3", path).status_code for path in ("/livez", "/readyz")} == {200}
    assert asked_for(trusting, "models.example:8000", "/metrics").status_code == 200
    assert asked_for(trusting, "other.example").status_code == 403


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1:1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_what_a_page_of_another_site_sends_is_refused(server: Server, headers: dict[str, str]) -> None:
    before = server.models()
    asked = [httpx.get(server.url + path, headers=headers) for path in ("/", "/models")]
    for answer in (*asked, adapt(server.url, headers=headers)):
        assert (answer.status_code, answer.json()["type"]) == (403, "/problems/origin-foreign")
    assert server.models() == before


def test_a_link_to_a_page_may_be_followed_from_anywhere(server: Server) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert [httpx.get(server.url + path, headers=link).status_code for path in ("/", "/docs")] == [200, 200]
    assert httpx.get(f"{server.url}/models", headers=link).status_code == 403
    assert httpx.get(f"{server.url}/models", headers={"Origin": server.url}).status_code == 200


@pytest.mark.parametrize(
    ("origin", "host", "status"),
    [
        ("https://localhost", "localhost:443", 200),
        ("https://localhost", "localhost", 200),
        ("http://[::1]", "[::1]:80", 200),
        ("https://localhost", "localhost:80", 403),
        ("http://localhost", "localhost:8080", 403),
        ("http://localhost:80", "localhost:443", 403),
        ("localhost", "localhost", 403),
    ],
)
def test_an_origin_is_ours_with_or_without_its_usual_port(server: Server, origin: str, host: str, status: int) -> None:
    answer = httpx.get(f"{server.url}/models", headers={"Origin": origin, "Host": host})
    assert answer.status_code == status


def test_an_allowed_origin_is_answered_and_may_read_the_answer(trusting: Server) -> None:
    origin = {"Origin": OURS}
    wanted = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
    preflight = httpx.options(f"{trusting.url}/models/x", headers=origin | wanted)
    assert preflight.status_code == 200
    made = adapt(trusting.url, headers=origin)
    missing = httpx.get(f"{trusting.url}/nothing", headers=origin)
    for answer in (preflight, made, missing):
        assert answer.headers["Access-Control-Allow-Origin"] == OURS
    assert "Location" in made.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in made.headers
    assert adapt(trusting.url, headers={"Origin": "https://other.example"}).status_code == 403


def test_under_a_prefix_a_proxy_may_strip_it_or_keep_it(trusting: Server) -> None:
    headers = {"Idempotency-Key": "under-a-prefix"}
    for prefix in ("", "/kshot"):
        made = adapt(trusting.url + prefix, headers=headers, steps=0)
        assert made.headers.get("Idempotent-Replayed") == ("true" if prefix else None)
        assert made.headers["Location"] == f"/kshot/models/{made.json()['id']}"
        assert predict(trusting.url + prefix, made.json()["id"], QUERY[:1]).status_code == 200
        assert httpx.get(f"{trusting.url}{prefix}/").headers["Content-Type"].startswith("text/html")
    assert httpx.get(f"{trusting.url}/openapi.json").json()["servers"] == [{"url": "/kshot"}]


def test_a_slash_at_the_end_is_no_other_path_and_no_redirect(trusting: Server) -> None:
    answer = httpx.post(f"{trusting.url}/adapt/", data={"name": "nothing"})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/images-missing")
    assert httpx.get(f"{trusting.url}//").status_code == 200


@pytest.mark.parametrize(("address", "scheme"), [(PROXY, "https"), ("127.0.0.1", "http")])
def test_what_a_proxy_forwards_is_believed_of_trusted_ones_alone(trusting: Server, address: str, scheme: str) -> None:
    with httpx.Client(transport=httpx.HTTPTransport(local_address=address)) as client:
        answer = client.get(f"{trusting.url}/kshot", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Location"] == f"{scheme}://127.0.0.1:{trusting.port}/kshot/"


def test_head_is_get_without_the_body(server: Server) -> None:
    for path in ("/", "/models", "/livez", "/page/main.js"):
        got, headed = httpx.get(server.url + path), httpx.head(server.url + path)
        assert (headed.status_code, headed.content) == (200, b"")
        assert headed.headers["Content-Length"] == got.headers["Content-Length"]
    refused = httpx.head(f"{server.url}/adapt")
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert httpx.put(f"{server.url}/models").headers["Allow"] == "DELETE, GET, HEAD"


def test_settings_that_would_let_everybody_in_are_refused() -> None:
    assert "name the origins" in why_it_does_not_start(KSHOT_CORS_ORIGINS="*")
    assert "is no origin" in why_it_does_not_start(KSHOT_CORS_ORIGINS="https://app.example/page")
    assert "is no name of a host" in why_it_does_not_start(KSHOT_TRUSTED_HOSTS="https://models.example")
    assert "begin it with a slash" in why_it_does_not_start(KSHOT_ROOT_PATH="kshot/")
    assert "is no address or network" in why_it_does_not_start(KSHOT_TRUSTED_PROXIES="proxy")
