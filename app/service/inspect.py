"""Say what an archive, a table or a number of examples holds, without making or keeping anything."""

from __future__ import annotations

from base64 import b64encode
from itertools import zip_longest

from pydantic_core import to_json

from app.api.forms import InspectForm
from app.inputs.inspection import Inspected
from app.inputs.kinds.interface import Wanted, check_kind
from app.inputs.support_set import Upload
from app.service import answers
from app.service.service import Service
from kshot.inspection import FileNotTaken, InspectedPicture, Inspection
from kshot.types import CheckpointRef
from models.checkpoint import Checkpoint
from models.inputs.interface import Input


async def inspect(service: Service, form: InspectForm) -> bytes:
    """Return the Inspection as JSON: with a thousand pictures it takes as long to write as many requests.

    Raises AppError.
    """
    service.engine.require_ready()
    name, checkpoint = service.checkpoints.named(form.checkpoint, form.kinds)
    check_kind(form, checkpoint, name)
    with service.stopwatch(name)("decode"):
        found = await service.reader.inspect(form, checkpoint.metadata.input, Wanted.by(checkpoint, least_classes=1))
    return await service.workers.run(_written, name, checkpoint, found)


def _written(name: str, checkpoint: Checkpoint, found: Inspected) -> bytes:
    support, spec = found.support, checkpoint.metadata.input
    pictures = [_picture(upload, data, spec) for upload, data in zip_longest(support.uploads, found.pictures)]
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


def _picture(upload: Upload, data: bytes | None, spec: Input) -> InspectedPicture:
    image = f"data:{spec.media_type};base64,{b64encode(data).decode()}" if data else None
    return InspectedPicture(
        index=upload.index,
        filename=upload.filename,
        label=upload.label or None,
        image=image,
        text=data.decode() if data and spec.readable else None,
        target=list(upload.target) or None,
    )
