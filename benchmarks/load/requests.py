"""The requests of tenants, encoded before the clock starts."""

import json
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx

DATA = Path(__file__).parents[2] / "tests" / "data"
Labelled = tuple[str, bytes]


@dataclass(frozen=True)
class Pictures:
    """Labelled files to adapt to, 5 classes of 5, and files to ask about."""

    support: Sequence[Labelled]
    queries: Sequence[bytes]

    @property
    def one_of_each(self) -> Sequence[Labelled]:
        """A file of each class to adapt to."""
        return list({label: (label, content) for label, content in self.support}.values())

    def shuffled(self, seed: int) -> "Pictures":
        """Those of another tenant: in another order."""
        support, queries = list(self.support), list(self.queries)
        random = Random(seed)  # noqa: S311
        random.shuffle(support)
        random.shuffle(queries)
        return Pictures(support, queries)


@dataclass(frozen=True)
class Request:
    """A POST, and as it goes over the wire."""

    path: str
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    raw: bytes


def pictures(checkpoint: str) -> Pictures:
    """Those in tests/data that the checkpoint is for."""
    folder = DATA / ("photos" if checkpoint == "photo" else "drawings")
    support = [(file.parent.name, file.read_bytes()) for file in sorted(folder.glob("support/*/*"))]
    return Pictures(support, [file.read_bytes() for file in sorted(folder.glob("query/*/*"))])


@dataclass(frozen=True)
class Form:
    """How kshot and a plain FastAPI service are asked: multipart forms."""

    checkpoint: str
    key: str = ""

    def adapt(self, support: Sequence[Labelled], steps: int | None) -> Request:
        """25 files with their labels."""
        fields = {"labels": [label for label, _ in support], "checkpoint": self.checkpoint}
        return self._request("/adapt", fields | _steps(steps), [content for _, content in support])

    def predict(self, model_id: str, query: bytes) -> Request:
        """One file."""
        return self._request("/predict", {"model_id": model_id}, [query])

    def _request(self, path: str, fields: dict[str, object], files: Sequence[bytes]) -> Request:
        images = [("images", (f"{number}.png", content)) for number, content in enumerate(files)]
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else None
        return _encoded(path, httpx.Request("POST", "http://127.0.0.1", data=fields, files=images, headers=headers))


@dataclass(frozen=True)
class Json:
    """How a LitServe service is asked."""

    def adapt(self, support: Sequence[Labelled], steps: int | None) -> Request:
        """25 files with their labels."""
        files, labels = [content for _, content in support], [label for label, _ in support]
        return self._request({"labels": labels, **_steps(steps)}, files)

    def predict(self, model_id: str, query: bytes) -> Request:
        """One file."""
        return self._request({"model_id": model_id}, [query])

    def _request(self, fields: dict[str, object], files: Sequence[bytes]) -> Request:
        content = json.dumps(fields | {"images": [b64encode(file).decode() for file in files]})
        headers = {"Content-Type": "application/json"}
        return _encoded("/predict", httpx.Request("POST", "http://127.0.0.1", content=content, headers=headers))


def _steps(steps: int | None) -> dict[str, object]:
    return {} if steps is None else {"steps": steps}


def _encoded(path: str, request: httpx.Request) -> Request:
    body, headers = request.read(), request.headers.raw
    lines = [f"POST {path} HTTP/1.1".encode(), *(b"%s: %s" % header for header in headers), b"", body]
    return Request(path, headers, body, b"\r\n".join(lines))
