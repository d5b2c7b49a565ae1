"""JSON documents: Label Studio's tasks, COCO's images, annotations and categories, projects, and lists of objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json

from app.inputs.archives.manifests import records
from app.inputs.archives.manifests.row import MOST_ROWS, Faulty, Row, file_column, labels_of


def rows(text: str) -> list[Row] | None:
    """Return the rows of a document, or None if it is no list of labels. Raises Faulty."""
    try:
        document = from_json(text)
    except ValueError:
        return None
    if isinstance(document, list) and len(document) > MOST_ROWS:
        raise Faulty(f"has more than {MOST_ROWS} items.")
    for read in (_label_studio, _coco, _project):
        try:
            return read(document)
        except ValidationError:
            continue
    items = document if isinstance(document, list) else []
    return records.listed((f"item {number}", item) for number, item in enumerate(items, 1))


class Result(BaseModel):
    """One thing that an annotator said."""

    type: str
    value: dict[str, Any] = {}


class Annotation(BaseModel):
    """What an annotator said of a task."""

    result: list[Result]
    was_cancelled: bool = False


class Task(BaseModel):
    """A picture in Label Studio."""

    id: int | str | None = None
    data: dict[str, Any]
    annotations: list[Annotation]


def _label_studio(document: object) -> list[Row] | None:
    tasks = TypeAdapter(list[Task]).validate_python(document)
    return [row for number, task in enumerate(tasks, 1) for row in _task(task, number)] or None


def _task(task: Task, number: int) -> Iterator[Row]:
    key = file_column(task.data) or next(iter(task.data), None)
    said = [result.value for each in task.annotations if not each.was_cancelled for result in each.result]
    if key is None:
        raise Faulty(f"task {task.id or number} names no file. Add it, or take the task out.")
    yield Row(f"task {task.id or number}", str(task.data[key]), labels_of(said))


class Named(BaseModel):
    """A category, or an image by its file's name."""

    id: int | str
    name: str = ""
    file_name: str = ""


class Assigned(BaseModel):
    """The category of an image, or of a part of it."""

    image_id: int | str
    category_id: int | str


class Coco(BaseModel):
    """A document as COCO's."""

    images: list[Named]
    annotations: list[Assigned]
    categories: list[Named]


def _coco(document: object) -> list[Row] | None:
    coco = Coco.model_validate(document)
    names = {category.id: category.name for category in coco.categories}
    labels: dict[int | str, dict[str, None]] = {}
    there = {image.id for image in coco.images}
    for each in coco.annotations:
        label = names.get(each.category_id, "").strip()
        if not label:
            raise Faulty(f"category {each.category_id}, which an annotation names, has no name. Give it one.")
        if each.image_id not in there:
            raise Faulty(f"image {each.image_id}, which an annotation names, isn't listed. Add it, or take that out.")
        labels.setdefault(each.image_id, {})[label] = None
    return [Row(f"image {image.id}", image.file_name, tuple(labels.get(image.id, ()))) for image in coco.images]


class ProjectPicture(BaseModel):
    """A picture of a project; without a label it is one that is still to be sorted."""

    file: str
    label: str | None = None


class Project(BaseModel):
    """The project.json of a project's file, as the page and `kshot project save` write it: see kshot.projects."""

    format: Literal["kshot project"]
    pictures: list[ProjectPicture]


def _project(document: object) -> list[Row] | None:
    pictures = Project.model_validate(document).pictures
    return [
        Row(f"picture {number}", each.file, (each.label,) if each.label else ())
        for number, each in enumerate(pictures, 1)
    ]
