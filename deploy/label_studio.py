"""Label Studio's ML backend, over a kshot server: suggests a class for each picture, and learns from each annotation.

    kshot serve &
    LABEL_STUDIO_API_KEY=… python deploy/label_studio.py --port 9090

In Label Studio: Settings → Model → Connect Model, http://127.0.0.1:9090, with predictions on. The project's labelling
interface needs an Image and Choices for it. Each project has a model of its own, named for it on the kshot server
(KSHOT_URL, KSHOT_API_KEY), whose pictures are named for their tasks; nothing is kept here, so it may be restarted.
The contract is that of label-studio-ml: GET /health, POST /setup, /predict and /webhook.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple
from urllib.parse import urljoin, urlsplit
from xml.etree import ElementTree as ET

import httpx
import typer

from kshot import APIError, Client, ClientError, Prediction

MOST_BYTES = 64 << 20  # of a request
SECONDS = 30
LEARNT = {"ANNOTATION_CREATED", "ANNOTATION_UPDATED"}
Json = dict[str, Any]


class Interface(NamedTuple):
    """What a labelling interface calls its parts."""

    choices: str
    image: str
    key: str
    """Of the picture's address in a task's data."""


@dataclass
class Project:
    """A project of Label Studio: its model, once there are two classes, and the labels until then."""

    name: str
    interface: Interface | None = None
    model_id: str | None = None
    waiting: dict[str, tuple[str, Path]] = field(default_factory=dict)
    """Label and picture by file name."""


class Backend:
    """What the requests do."""

    def __init__(self, client: Client, folder: Path, host: str | None = None, token: str | None = None) -> None:
        """`host` and `token` are Label Studio's; without them, what it says of itself counts."""
        self._client, self._folder = client, folder
        self._given = {"hostname": host, "access_token": token}
        self._told: dict[str, str] = {}
        self._projects: dict[str, Project] = {}
        self._lock = threading.Lock()
        self._learner = ThreadPoolExecutor(1)  # Label Studio waits a second for the answer to a webhook

    def setup(self, request: Json) -> Json:
        """Take note of a project. Raises ValueError for one that has no choices for a picture."""
        self._told |= {name: str(request[name]) for name in self._given if request.get(name)}
        project = self._project(request["project"])
        project.interface = interface_of(request["schema"])
        self._all_learnt()
        return {"model_version": project.model_id or "none yet"}

    def predict(self, request: Json) -> Json:
        """Return a choice for each task; none while the project has no model, or for a picture that can't be read."""
        project, tasks = self._project(request["project"]), request["tasks"]
        interface = project.interface = interface_of(request["label_config"])
        found: list[Json] = [{"result": [], "score": 0.0} for _ in tasks]
        self._all_learnt()
        if project.model_id:
            paths = [self._fetch(task, interface, f"predict-{place}") for place, task in enumerate(tasks)]
            for each in self._predictions(project.model_id, paths):
                choice = _choice(interface, each.label, each.score)
                found[each.index] = {"result": [choice], "score": each.score, "model_version": project.model_id}
        return {"results": found, "model_version": project.model_id}

    def _predictions(self, model_id: str, paths: list[Path]) -> list[Prediction]:
        """Return what is said of the pictures that can be read."""
        try:
            return self._client.predict(model_id, paths, top_k=1, on_error="skip").predictions
        except APIError as error:
            if not error.problem.type.startswith("/problems/image-"):
                raise
            return []

    def webhook(self, request: Json) -> Json:
        """Begin to learn an annotation that was made or changed."""
        if request.get("action") not in LEARNT:
            return {"result": "nothing to learn"}
        project = self._project(request["project"]["id"])
        interface = project.interface = interface_of(request["project"]["label_config"])
        label = _label(request["annotation"]["result"], interface)
        if label is None:
            return {"result": "no choice"}
        self._learner.submit(self._learn_task, project, request["task"], label, interface)
        return {"result": "learning"}

    def _all_learnt(self) -> None:
        self._learner.submit(str).result()

    def _learn_task(self, project: Project, task: Json, label: str, interface: Interface) -> None:
        name = f"task-{task['id']}"
        try:
            self._learn(project, name, label, self._fetch(task, interface, name))
        except (ClientError, httpx.HTTPError, KeyError, OSError, ValueError) as error:
            typer.echo(f"{name} of {project.name} was not learnt: {error}", err=True)

    def _learn(self, project: Project, name: str, label: str, picture: Path) -> None:
        """Add a picture; in the place of the task's own, if it was there."""
        if project.model_id:
            old = [each.index for each in self._client.images(project.model_id) if each.filename == name]
            project.model_id = self._client.revise(project.model_id, [(label, picture)], remove=old).id
            return
        project.waiting[name] = label, picture
        if len({own for own, _ in project.waiting.values()}) > 1:
            project.model_id = self._client.adapt(project.waiting.values(), name=project.name, keep_images=True).id
            project.waiting.clear()

    def _project(self, said: object) -> Project:
        """Return the project of an id, "3" or "3.1700000000", with the newest model of its name."""
        number = str(said).partition(".")[0]
        with self._lock:
            if number not in self._projects:
                name = f"Label Studio project {number}"
                models = (each.id for each in self._client.models() if each.name == name)
                self._projects[number] = Project(name, model_id=next(models, None))
            return self._projects[number]

    def _fetch(self, task: Json, interface: Interface, name: str) -> Path:
        """Load a task's picture to a file of this name. The token goes to Label Studio alone."""
        home = self._given["hostname"] or self._told.get("hostname", "http://localhost:8080")
        address = urljoin(home, str(task["data"][interface.key]))
        if urlsplit(address).scheme not in ("http", "https"):
            raise ValueError(f"{address} is no address of a picture: store the pictures in Label Studio, or on the web")
        token = self._given["access_token"] or self._told.get("access_token")
        own = urlsplit(address)[:2] == urlsplit(home)[:2]
        headers = {"Authorization": f"Token {token}"} if token and own else {}
        loaded = httpx.get(address, headers=headers, timeout=SECONDS, follow_redirects=not headers).raise_for_status()
        path = self._folder / name
        path.write_bytes(loaded.content)
        return path


def interface_of(schema: str) -> Interface:
    """Return the choices of a labelling interface, and the picture that they are of. Raises ValueError."""
    root = ET.fromstring(schema)  # noqa: S314 # expat fetches nothing, and bounds what entities grow to
    images = {each.get("name"): each.get("value", "") for each in root.iter("Image")}
    for choices in root.iter("Choices"):
        if (image := choices.get("toName")) in images:
            return Interface(str(choices.get("name")), str(image), images[image].removeprefix("$"))
    raise ValueError("The labelling interface has no Choices for an Image.")


def _choice(interface: Interface, label: str, score: float) -> Json:
    return {
        "from_name": interface.choices,
        "to_name": interface.image,
        "type": "choices",
        "value": {"choices": [label]},
        "score": score,
    }


def _label(result: list[Json], interface: Interface) -> str | None:
    chosen = [each["value"]["choices"] for each in result if each.get("from_name") == interface.choices]
    return str(chosen[0][0]) if chosen and chosen[0] else None


class Handler(BaseHTTPRequestHandler):
    """Reads requests, and answers with JSON."""

    backend: ClassVar[Backend]

    def do_GET(self) -> None:
        """Say that it is up."""
        self._answer(200 if self.path in ("/", "/health") else 404, {"status": "UP", "model_class": "kshot"})

    def do_POST(self) -> None:
        """Do what the path says."""
        actions = {"/setup": self.backend.setup, "/predict": self.backend.predict, "/webhook": self.backend.webhook}
        action = actions.get(self.path.rstrip("/"))
        size = int(self.headers.get("Content-Length", 0))
        if action is None or size > MOST_BYTES:
            self._answer(404 if action is None else 413, {"error": f"{self.path} takes no such request"})
            return
        try:
            status, body = 200, action(json.loads(self.rfile.read(size)))
        except (KeyError, TypeError, ValueError, ET.ParseError) as error:
            status, body = 400, {"error": f"{type(error).__name__}: {error}"}
        except (ClientError, httpx.HTTPError, OSError) as error:
            status, body = 502, {"error": str(error)}
        with suppress(ConnectionError):  # Label Studio waits a second for the answer to a webhook, and goes
            self._answer(status, body)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 # the base class's name
        """Log nothing of what went well: each picture would be a line."""

    def _answer(self, status: int, body: Mapping[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def server(backend: Backend, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that hands requests to the backend."""
    return ThreadingHTTPServer((host, port), type("BoundHandler", (Handler,), {"backend": backend}))


def main(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.")] = 9090,
) -> None:
    """Serve Label Studio."""
    with Client() as client, tempfile.TemporaryDirectory() as folder:
        studio = os.environ.get("LABEL_STUDIO_URL"), os.environ.get("LABEL_STUDIO_API_KEY")
        with server(Backend(client, Path(folder), *studio), host, port) as serving:
            typer.echo(f"Label Studio's ML backend is at http://{host}:{port}")
            serving.serve_forever()


if __name__ == "__main__":
    typer.run(main)
