"""From a form's examples to tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import BinaryIO

from torch import Tensor

from app.api.examples import Uploads
from app.api.forms import Choices, InspectForm, PredictForm, RankForm, SupportForm
from app.inputs import support_archive
from app.inputs.decoding import Usable
from app.inputs.fingerprint import fingerprint
from app.inputs.inspection import Inspected
from app.inputs.kinds.interface import LABELS, ExampleSets, Wanted
from app.inputs.kinds.pictures import PictureSets
from app.inputs.kinds.texts import TextSets
from app.inputs.kinds.vectors import VectorSets
from app.inputs.limits import SetLimits
from app.inputs.support_archive import Kept
from app.inputs.support_set import SupportSet
from app.settings import Settings
from app.store.records import ModelRecord
from app.threads import Cancellation, Workers
from models.inputs.interface import Input


class Reader:
    """Reads, unpacks and decodes in worker threads, one request a thread; only what is quicker than that at once.

    `sets` reads each kind of example, by the field of forms that brings it, as an input names it.
    """

    def __init__(self, sets: Mapping[str, ExampleSets], limits: SetLimits, threads: int) -> None:
        self.limits = limits
        self._sets = sets
        self._workers = Workers(threads, "decode")

    @classmethod
    def of(cls, settings: Settings) -> Reader:
        """Return the reader that the settings describe."""
        sets: dict[str, ExampleSets] = {
            "images": PictureSets.of(settings),
            "texts": TextSets.of(settings),
            "inputs": VectorSets.of(settings),
        }
        return cls(sets, SetLimits.of(settings), settings.decode_threads)

    async def support(self, form: Uploads, spec: Input, wanted: Wanted = LABELS) -> tuple[SupportSet, Tensor]:
        """Return the labelled examples of a form, and as tensors [B, ...]. Raises AppError."""
        with Cancellation() as cancellation:
            return await self._workers.run(self._sets[spec.field].support, form, spec, wanted, cancellation)

    async def inspect(self, form: InspectForm, spec: Input, wanted: Wanted = LABELS) -> Inspected:
        """Return what a form holds, and its examples as this input has them if it asks for them. Raises AppError."""
        with Cancellation() as cancellation:
            return await self._workers.run(self._sets[spec.field].inspect, form, spec, wanted, cancellation)

    async def queries(self, form: PredictForm, spec: Input, wanted: Wanted = LABELS) -> Usable:
        """Return the examples to classify. Raises AppError.

        With on_error=skip not for an example's own fault while one can be used, but for too many pixels together.
        """
        usable = self._sets[spec.field].at_once(form, spec, wanted)
        if usable is None:
            with Cancellation() as cancellation:
                usable = await self._workers.run(self._sets[spec.field].queries, form, spec, wanted, cancellation)
        if form.on_error == "fail":
            usable.require_all()
        return usable

    async def pool(self, form: RankForm, spec: Input, wanted: Wanted = LABELS) -> tuple[Usable, SupportSet]:
        """Return the unlabelled examples of a form, and what was left out of an archive. Raises AppError.

        With on_error=skip not for an example's own fault while one can be used.
        """
        with Cancellation() as cancellation:
            usable, pool = await self._workers.run(self._sets[spec.field].pool, form, spec, wanted, cancellation)
        if form.on_error == "fail":
            usable.require_all()
        return usable, pool

    async def pack(self, support: SupportSet, images: Tensor, choices: Choices, spec: Input) -> bytes:
        """Return the examples as they are kept."""
        with Cancellation() as cancellation:
            return await self._workers.run(support_archive.pack, support, images, choices, spec, cancellation)

    async def unpack(self, file: BinaryIO, model: ModelRecord, spec: Input) -> Kept:
        """Return a model's kept examples. Raises ModelDamaged."""
        with Cancellation() as cancellation:
            return await self._workers.run(support_archive.unpack, file, model, spec, cancellation)

    async def fingerprint(self, form: SupportForm) -> str:
        """Return what tells the same form from others."""
        with Cancellation() as cancellation:
            return await self._workers.run(fingerprint, form, cancellation)

    def close(self) -> None:
        """End the threads; blocks."""
        self._workers.close()
