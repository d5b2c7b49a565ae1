"""Traces: what a receiver of OpenTelemetry's protocol gets of a real server's requests."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from app.observability.tracing import CLOSE_SECONDS
from tests.app.drawings import QUERY, SUPPORT, adapt, images, labels, predict
from tests.serving import Server, free_port, wait_until

ROOT = Path(__file__).parents[3]


class Receiver:
    """OTLP over HTTP, in a thread of this process; keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                receiver.take(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            self.services.add(attributes(resource.resource)["service.name"])
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def trace(self, request_id: str) -> tuple[Span, dict[str, Span]]:
        """A request's span and, by their names, those in it, once they are here."""

        def found() -> list[Span]:
            return [span for span in self.spans if attributes(span).get("kshot.request_id") == request_id]

        wait_until(lambda: bool(found()), 10)
        (root,) = found()
        return root, {span.name: span for span in self.spans if span.parent_span_id == root.span_id}


def attributes(of: Any) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in of.attributes}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.http.shutdown()
    receiver.http.server_close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Server]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.url)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")  # ms
        server = Server(tmp_path_factory.mktemp("traced"))
        server.start()
        yield server
        server.stop()


def test_a_request_is_a_span_with_one_for_each_of_its_phases(traced: Server, receiver: Receiver) -> None:
    answer = adapt(traced.url, steps=5)
    root, phases = receiver.trace(answer.headers["x-request-id"])
    assert (root.name, root.kind) == ("POST /adapt", Span.SPAN_KIND_SERVER)
    assert attributes(root)["http.route"] == "/adapt"
    assert receiver.services == {"kshot"}
    assert list(phases) == ["decode", "queue", "encode", "adapt", "store"]
    for name, span in phases.items():
        assert attributes(span) == {"kshot.checkpoint": "omniglot"}
        assert root.start_time_unix_nano <= span.start_time_unix_nano
        assert span.end_time_unix_nano <= root.end_time_unix_nano
        took = (span.end_time_unix_nano - span.start_time_unix_nano) / 1e6
        assert took == pytest.approx(answer.json()["timings_ms"][name], abs=0.1)
    begins = [span.start_time_unix_nano for span in phases.values()]
    assert begins == sorted(begins)
    predicted = predict(traced.url, answer.json()["id"], QUERY[:1])
    _, phases = receiver.trace(predicted.headers["x-request-id"])
    assert set(phases) == {"decode", "queue", "encode", "predict"}


def test_a_span_is_named_for_its_route_and_continues_the_clients_trace(traced: Server, receiver: Receiver) -> None:
    theirs = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
    answer = httpx.get(f"{traced.url}/models/{'0' * 32}", headers=theirs)
    root, _ = receiver.trace(answer.headers["x-request-id"])
    assert root.name == "GET /models/{model_id}"
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    httpx.get(f"{traced.url}/livez")
    httpx.get(f"{traced.url}/metrics")
    adapt(traced.url, SUPPORT[::5], steps=0)
    wait_until(lambda: any(span.name == "POST /adapt" for span in receiver.spans))
    assert not {"GET /livez", "GET /metrics", "GET /readyz"} & {span.name for span in receiver.spans}


def test_the_log_names_the_trace(traced: Server, receiver: Receiver) -> None:
    answer = adapt(traced.url, SUPPORT[::5], steps=0)
    request_id = answer.headers["x-request-id"]
    root, _ = receiver.trace(request_id)
    traced.wait_for_log(root.trace_id.hex())
    (line,) = (json.loads(line) for line in traced.log.read_text().splitlines() if request_id in line)
    assert (line["event"], line["trace_id"]) == ("request", root.trace_id.hex())


def test_a_refused_image_ends_the_request_after_its_decoding(traced: Server, receiver: Receiver) -> None:
    files = [("images", ("a.png", b"x")), *images(SUPPORT[1:])]
    answer = httpx.post(f"{traced.url}/adapt", files=files, data=labels(SUPPORT))
    root, phases = receiver.trace(answer.headers["x-request-id"])
    assert attributes(root)["http.status_code"] == 422
    assert root.status.code == Status.STATUS_CODE_UNSET  # the client's fault
    assert set(phases) == {"decode"}


def test_a_receiver_that_is_not_there_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", f"http://127.0.0.1:{free_port()}/v1/traces")
    server = Server(tmp_path)
    server.start()
    assert adapt(server.url, SUPPORT[::5], steps=0).status_code == 201
    assert server.process
    server.process.terminate()
    server.process.wait(CLOSE_SECONDS + 5)


def test_without_the_package_the_server_says_so_and_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    code = "import sys; sys.modules['opentelemetry.sdk'] = None; from kshot.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "serve", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set, but opentelemetry.sdk isn't installed" in said
    assert "pip install 'kshot[otel]'" in said
    assert "Traceback" not in said
