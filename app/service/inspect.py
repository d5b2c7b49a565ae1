"""Say what an archive or a number of images holds, without making or keeping anything."""

from __future__ import annotations

from base64 import b64encode
from itertools import zip_longest

from pydantic_core import to_json

from app.api.forms import InspectForm
from app.inputs.inspection import Inspected
from app.inputs.support_set import Upload
from app.service import answers
from app.service.service import Service
from kshot.inspection import FileNotTaken, InspectedPicture, Inspection
from kshot.types import CheckpointRef
from models.checkpoint import Checkpoint


async def inspect(service: Service, form: InspectForm) -> bytes:
    """Return the Inspection as JSON: with a thousand pictures it takes as long to write as many requests.

    Raises AppError.
    """
    service.engine.require_ready()
    name, checkpoint = service.checkpoints.named(form.checkpoint)
    with service.stopwatch(name)("decode"):
        found = await service.reader.inspect(form, checkpoint.metadata.input)
    return await service.workers.run(_written, name, checkpoint, found)


def _written(name: str, checkpoint: Checkpoint, found: Inspected) -> bytes:
    support, kind = found.support, checkpoint.metadata.input.media_type
    pictures = [_picture(upload, data, kind) for upload, data in zip_longest(support.uploads, found.pictures)]
    inspection = Inspection(
        checkpoint=CheckpointRef(name=name, digest=checkpoint.digest),
        classes=support.classes,
        shots=support.shots if support.classes else {},
        pictures=pictures,
        left_out=[
            FileNotTaken(index=each.index, filename=each.filename, reason=each.reason) for each in support.left_out
        ],
        warnings=[answers.image_warning(image) for image in support.warnings],
    )
    return to_json(inspection)  # model_dump_json would hold it twice more: a thousand pictures take 200 MB


def _picture(upload: Upload, data: bytes | None, kind: str) -> InspectedPicture:
    image = f"data:{kind};base64,{b64encode(data).decode()}" if data else None
    return InspectedPicture(index=upload.index, filename=upload.filename, label=upload.label or None, image=image)
