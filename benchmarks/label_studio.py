"""A project in a real Label Studio is pre-annotated, and improves over 20 annotations.

    pip install label-studio==1.23.2      # in an environment of its own: it brings 150 packages
    export LABEL_STUDIO_URL=http://127.0.0.1:8080 LABEL_STUDIO_API_KEY=TOKEN LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN=true
    export ML_BLOCK_LOCAL_IP=false SSRF_PROTECTION_ENABLED=false  # it calls no address of its own machine else
    label-studio start --no-browser --username a@example.com --password … --user-token TOKEN &
    python deploy/label_studio.py &
    python -m benchmarks.label_studio

A script uploads the 40 sample photos, connects the backend, annotates 20 of the 25 of the support set, in turns of the
classes, and on the way has Label Studio retrieve predictions for the 15 others.
"""

import os
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

PHOTOS = Path("tests/data/photos")
CHOICES = "".join(f'<Choice value="{label}"/>' for label in ("dress", "hat", "pants", "shoes", "t-shirt"))
CONFIG = (
    f"""<View><Image name="image" value="$image"/><Choices name="choice" toName="image">{CHOICES}</Choices></View>"""
)
COUNTED = (1, 2, 3, 4, 5, 10, 20)  # annotations, one class after another
Json = dict[str, Any]


def main(
    backend: Annotated[str, typer.Option(help="Address of deploy/label_studio.py.")] = "http://127.0.0.1:9090",
) -> None:
    """Annotate, and count."""
    headers = {"Authorization": f"Token {os.environ['LABEL_STUDIO_API_KEY']}"}
    with httpx.Client(base_url=os.environ["LABEL_STUDIO_URL"], headers=headers, timeout=120) as studio:
        project = _posted(studio, "/api/projects/", {"title": "clothes", "label_config": CONFIG})["id"]
        support, queries = (
            _uploaded(studio, project, sorted((PHOTOS / part).glob("*/*"))) for part in ("support", "query")
        )
        _posted(studio, "/api/ml/", {"project": project, "url": backend, "title": "kshot"})
        actions = {"send_for_all_actions": False, "actions": ["ANNOTATION_CREATED", "ANNOTATION_UPDATED"]}
        _posted(
            studio, "/api/webhooks/", {"project": project, "url": f"{backend}/webhook", "send_payload": True, **actions}
        )
        turns = sorted(support, key=lambda each: (support.index(each) % (len(support) // 5), each))
        typer.echo("| annotations | pre-annotated right |\n|---|---|")
        for done, turn in enumerate(turns[: max(COUNTED)], start=1):
            _annotate(studio, *turn)
            if done in COUNTED:
                typer.echo(f"| {done} | {_right(studio, project, queries)} of {len(queries)} |")


def _posted(studio: httpx.Client, path: str, body: Json) -> Json:
    answer = studio.post(path, json=body)
    if not answer.is_success:
        raise SystemExit(f"{path}: {answer.status_code} {answer.text[:500]}")
    found: Json = answer.json()
    return found


def _uploaded(studio: httpx.Client, project: int, paths: list[Path]) -> list[tuple[int, str]]:
    """Upload pictures; return the task and the class of each."""
    known = {task["id"] for task in _tasks(studio, project)}
    found = []
    for path in paths:
        studio.post(f"/api/projects/{project}/import", files={path.name: path.open("rb")}).raise_for_status()
        (task,) = [task["id"] for task in _tasks(studio, project) if task["id"] not in known]
        known.add(task)
        found.append((task, path.parent.name))
    return found


def _tasks(studio: httpx.Client, project: int) -> list[Json]:
    answer = studio.get("/api/tasks/", params={"project": project, "page_size": 200}).raise_for_status().json()
    tasks: list[Json] = answer["tasks"]
    return tasks


def _annotate(studio: httpx.Client, task: int, label: str) -> None:
    result = {"from_name": "choice", "to_name": "image", "type": "choices", "value": {"choices": [label]}}
    _posted(studio, f"/api/tasks/{task}/annotations/", {"result": [result]})


def _right(studio: httpx.Client, project: int, queries: list[tuple[int, str]]) -> int:
    """Have predictions retrieved, and count those of the newest that are right."""
    selected = {"selectedItems": {"all": False, "included": [task for task, _ in queries]}}
    _posted(studio, f"/api/dm/actions?id=retrieve_tasks_predictions&project={project}", selected)
    right = 0
    for task, label in queries:
        predictions = studio.get("/api/predictions/", params={"task": task}).raise_for_status().json()
        newest = max(predictions, key=lambda each: each["id"], default=None)
        right += bool(newest and newest["result"] and newest["result"][0]["value"]["choices"] == [label])
    return right


if __name__ == "__main__":
    typer.run(main)
