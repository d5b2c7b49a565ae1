"""List, show, rename, export and delete models, and show the images that they were adapted to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from app import errors
from app.api.labels import check_each, known_labels
from app.engine.work import HOST
from app.inputs import support_archive
from app.service import answers
from app.service.service import Service
from app.store.documents import Part
from app.store.records import ExpectedAccuracy, ModelRecord
from app.tenants.tenant import Tenant
from kshot.types import CheckpointInfo, Deleted, ExportFormat, Model, ModelPage, Names, SupportImages
from models.checkpoint import Checkpoint
from models.export.description import build_description
from models.export.onnx_file import build_onnx
from models.export.safetensors_file import build_safetensors
from models.initializations.adapted import Adapted
from models.inputs.interface import Input
from models.parameters import move

BUILDERS: dict[ExportFormat, Callable[[Checkpoint, Adapted, list[str], Mapping[str, str]], bytes]] = {
    "onnx": build_onnx,
    "safetensors": build_safetensors,
    "json": build_description,
}
T = TypeVar("T")
Labelled = TypeVar("Labelled", bound=Part)


def list_checkpoints(service: Service) -> list[CheckpointInfo]:
    """Return what is known of each checkpoint. Raises NotReady."""
    service.engine.require_ready()
    registry = service.checkpoints
    return [
        answers.checkpoint_info(name, learner.checkpoint, name == registry.default)
        for name, learner in registry.learners.items()
    ]


async def list_models(service: Service, tenant: Tenant, limit: int, cursor: str | None) -> ModelPage:
    """Return a page of models, newest first."""
    records, next_cursor = await service.model_library.of(tenant.name).page(limit, cursor)
    return ModelPage(models=[answers.model_summary(record) for record in records], next_cursor=next_cursor)


async def show(service: Service, tenant: Tenant, model_id: str) -> Model:
    """Return a model without its weights. Raises ModelNotFound."""
    return answers.model_answer(await service.model_library.of(tenant.name).describe(model_id))


async def rename(service: Service, tenant: Tenant, model_id: str, names: Names) -> Model:
    """Give a model and its classes other names; its weights stay. Raises AppError."""
    record = await service.model_library.of(tenant.name).update(model_id, partial(renamed, names=names))
    return answers.model_answer(record)


async def delete(service: Service, tenant: Tenant, model_id: str) -> None:
    """Delete a model. Raises ModelNotFound."""
    await service.model_library.of(tenant.name).delete(model_id)


async def delete_all(service: Service, tenant: Tenant) -> Deleted:
    """Delete all models of the tenant, their images, and what is remembered of requests. Raises RecordTooNew."""
    return Deleted(deleted=await service.model_library.of(tenant.name).erase())


async def export(service: Service, tenant: Tenant, model_id: str, kind: ExportFormat) -> bytes:
    """Return a model as one file that runs elsewhere. Raises AppError."""
    service.engine.require_ready()
    build = BUILDERS[kind]
    async with service.model_library.of(tenant.name).using(model_id) as stored:
        model = stored.record
        checkpoint = service.checkpoints.matching(model.id, model.checkpoint.name, model.checkpoint.digest)
        about = {"model": answers.model_summary(model).model_dump_json()}
        adapted = Adapted(move(dict(stored.tensors), HOST))
        return await service.workers.run(build, checkpoint, adapted, model.classes, about)


async def list_images(service: Service, tenant: Tenant, model_id: str) -> SupportImages:
    """Return what a model was adapted to. Raises ModelNotFound or ImagesNotKept."""
    model, file = await service.model_library.of(tenant.name).images(model_id)
    spec = _input(service, model)
    return SupportImages(images=await service.model_library.reads.run(support_archive.listed, file, model, spec))


async def show_image(service: Service, tenant: Tenant, model_id: str, index: int) -> tuple[bytes, str]:
    """Return one of these images as a file, and its media type. Raises ImageNotThere too."""
    model, file = await service.model_library.of(tenant.name).images(model_id)
    found = await service.model_library.reads.run(support_archive.picture, file, model, index)
    if found is None:
        raise errors.ImageNotThere(
            f"Model {model_id} has no image {index}. GET /models/{model_id}/images lists those it has.", field="index"
        )
    spec = _input(service, model)
    return found, spec.media_type if spec else support_archive.MEDIA_TYPE


def _input(service: Service, model: ModelRecord) -> Input | None:
    """Return what a model takes, if its checkpoint is loaded."""
    learner = service.checkpoints.learners.get(model.checkpoint.name)
    return learner.checkpoint.metadata.input if learner else None


def renamed(model: ModelRecord, names: Names) -> ModelRecord:
    """Return the model with its new names. Raises ClassUnknown, LabelInvalid or ClassesClash."""
    old = _each_once(names.classes, model, "classes")
    scored = _each_once(names.min_scores, model, "min_scores")
    least = _least(model.min_scores, dict(zip(scored, names.min_scores.values(), strict=True)))
    chosen = zip(old, names.classes.values(), strict=True)
    kept = check_each((name, f"classes[{label}]", {"field": "classes"}) for label, name in chosen)
    new = dict(zip(old, kept, strict=True))
    classes = [new.get(label, label) for label in model.classes]
    if twice := [label for label, times in Counter(classes).items() if times > 1]:
        detail = f"{twice[0]!r} would name two classes. Give each its own name."
        raise errors.ClassesClash(detail, field="classes")
    return model.model_copy(
        update={
            "name": names.name if "name" in names.model_fields_set else model.name,
            "classes": classes,
            "shots": _renamed_keys(model.shots, new),
            "min_scores": _renamed_keys(least, new),
            "hardest_images": [_relabelled(image, new) for image in model.hardest_images],
            "near_copies": [[_relabelled(image, new) for image in group] for group in model.near_copies],
            "validation": model.validation and _renamed_validation(model.validation, new),
        }
    )


def _each_once(named: Mapping[str, object], model: ModelRecord, field: str) -> list[str]:
    """Return the classes that are named; of two ways to write one, which would hold? Raises LabelInvalid for them."""
    labels = known_labels(list(named), model.classes, field)
    if twice := [label for label, times in Counter(labels).items() if times > 1]:
        raise errors.LabelInvalid(f"{field} names the class {twice[0]!r} twice. Name it once.", field=field)
    return labels


def _renamed_keys(values: Mapping[str, T], new: Mapping[str, str]) -> dict[str, T]:
    return {new.get(label, label): value for label, value in values.items()}


def _least(before: Mapping[str, float], changes: Mapping[str, float | None]) -> dict[str, float]:
    """Return the least scores after changes, of which None takes one away."""
    return {label: score for label, score in {**before, **changes}.items() if score is not None}


def _relabelled(part: Labelled, new: Mapping[str, str]) -> Labelled:
    """Return the part with the new names of its classes."""
    labels = part.model_dump(include={"label", "taken_for"})
    return part.model_copy(update={name: new.get(label, label) for name, label in labels.items()})


def _renamed_validation(expected: ExpectedAccuracy, new: Mapping[str, str]) -> ExpectedAccuracy:
    return expected.model_copy(
        update={
            "of_classes": _renamed_keys(expected.of_classes, new),
            "confusions": [_relabelled(each, new) for each in expected.confusions],
            "doubtful": [_relabelled(each, new) for each in expected.doubtful],
        }
    )
