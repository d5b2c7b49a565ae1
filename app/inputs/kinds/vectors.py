"""Vectors as forms bring them: numbers with labels or targets, or a table of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fastapi import UploadFile
from torch import Tensor

from app import errors
from app.api.examples import Examples, Uploads
from app.api.forms import InspectForm, PredictForm, RankForm
from app.api.labels import check_each, check_labels
from app.inputs.decoding import Decoded, Usable, usable
from app.inputs.image_files import filename
from app.inputs.inspection import Inspected, inspected
from app.inputs.kinds.interface import Wanted
from app.inputs.limits import SetLimits
from app.inputs.support_set import SupportSet, Upload
from app.settings import Settings
from app.threads import Cancellation
from models.errors import TableError
from models.inputs.interface import Input
from models.inputs.vector import counted, finite
from models.tables.numbers import read_number_rows, to_numbers

KIND = "inputs"
QUICK, QUICK_CHARACTERS = 32, 10_000
"""So many vectors, of so many characters together, are read in 2 ms: a thread would hardly have begun to."""


@dataclass(frozen=True)
class Sent:
    """The vectors of a form as they were written, each with its place, and what a table has after them."""

    uploads: Sequence[Upload]
    cells: Sequence[Sequence[str]]
    rest: Sequence[Sequence[str]] = ()


class VectorSets:
    """See ExampleSets."""

    def __init__(self, limits: SetLimits) -> None:
        self._limits = limits

    @classmethod
    def of(cls, settings: Settings) -> VectorSets:
        """Return what the settings describe."""
        return cls(SetLimits.of(settings))

    def support(
        self, form: Uploads, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        """Return the vectors of a form with their labels or targets, and as tensors [B, size]."""
        support, sent = self._told(form, spec, wanted)
        found = usable(_each(sent, spec, cancellation))
        found.require_all()
        return support, found.images

    def queries(self, form: PredictForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Usable:
        """See ExampleSets."""
        return usable(_each(self._sent(form, spec, wanted, labelled=False), spec, cancellation))

    def at_once(self, form: PredictForm, spec: Input, wanted: Wanted) -> Usable | None:
        """See ExampleSets: few vectors."""
        few = 0 < len(form.inputs) <= QUICK and sum(map(len, form.inputs)) <= QUICK_CHARACTERS
        return self.queries(form, spec, wanted, Cancellation()) if few else None

    def pool(
        self, form: RankForm, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[Usable, SupportSet]:
        """See ExampleSets."""
        sent = self._sent(form, spec, wanted, labelled=False)
        return usable(_each(sent, spec, cancellation)), SupportSet(list(sent.uploads), [])

    def inspect(self, form: InspectForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Inspected:
        """See ExampleSets."""
        if form.table or form.labels or form.targets:
            support, sent = self._told(form, spec, wanted)
        else:
            sent = self._sent(form, spec, wanted, labelled=False)
            support = SupportSet(list(sent.uploads), [])
        return inspected(support, _each(sent, spec, cancellation), spec if form.pictures else None)

    def _told(self, form: Uploads, spec: Input, wanted: Wanted) -> tuple[SupportSet, Sent]:
        """Return the vectors of a form with their labels or, where these are wanted, targets."""
        sent = self._sent(form, spec, wanted, labelled=True)
        if form.table and (form.labels or form.targets):
            field = "labels" if form.labels else "targets"
            raise errors.UploadAmbiguous(f"The table has the {field}. Leave `{field}` out.", field=field)
        uploads = _with_targets(form, sent, wanted.targets) if wanted.targets else _with_labels(form, sent)
        classes = [] if wanted.targets else list(dict.fromkeys(upload.label for upload in uploads))
        if not wanted.targets:
            self._limits.check_classes(classes, "table" if form.table else "labels", wanted.least_classes, KIND)
        return SupportSet(uploads, classes), replace(sent, uploads=uploads)

    def _sent(self, form: Examples, spec: Input, wanted: Wanted, *, labelled: bool) -> Sent:
        """Return the vectors of a form. Raises InputsMissing, UploadAmbiguous, TableUnreadable or TooManyInputs."""
        if form.inputs and form.table:
            raise errors.UploadAmbiguous("Send either inputs or a table, and not both.", field="table")
        if form.table:
            return self._rows(form.table, spec.example[0], wanted.targets or 1, labelled=labelled)
        if not form.inputs:
            detail = f"Send vectors of {counted(spec.example[0])} in the field 'inputs', or a CSV in 'table'."
            raise errors.InputsMissing(detail, field=KIND)
        self._limits.check_examples(len(form.inputs), KIND, KIND)
        uploads = [Upload(KIND, index, "") for index in range(len(form.inputs))]
        return Sent(uploads, [_cells(text) for text in form.inputs])

    def _rows(self, file: UploadFile, size: int, rest: int, *, labelled: bool) -> Sent:
        name = filename(file) or "the table"
        try:
            data = file.file.read()
            rows = read_number_rows(data, size, rest, labelled=labelled, most=self._limits.max_inputs)
        except TableError as error:
            raise errors.TableUnreadable(f"{name} {error}", field="table", filename=name) from error
        self._limits.check_examples(len(rows), KIND, "table")
        uploads = [Upload("table", index, f"{name}, {row.place}") for index, row in enumerate(rows)]
        return Sent(uploads, [row.cells for row in rows], [row.rest for row in rows])


def _with_labels(form: Uploads, sent: Sent) -> list[Upload]:
    if sent.rest:
        pairs = zip(sent.uploads, sent.rest, strict=True)
        labels = check_each((rest[0], f"The label of {each.place}", each.members) for each, rest in pairs)
    else:
        labels = check_labels(form.labels, len(sent.uploads), KIND)
    return [replace(upload, label=label) for upload, label in zip(sent.uploads, labels, strict=True)]


def _with_targets(form: Uploads, sent: Sent, size: int) -> list[Upload]:
    """Return the uploads with their targets. Raises TargetsMismatch, or NumbersInvalid for the first at fault."""
    given = sent.rest or [_cells(text) for text in form.targets]
    if len(given) != len(sent.uploads):
        detail = f"There are {len(sent.uploads)} inputs and {len(given)} targets. Send one of {counted(size)} for each."
        raise errors.TargetsMismatch(detail, field="targets")
    told, faults = [], []
    for upload, cells in zip(sent.uploads, given, strict=True):
        place = upload if sent.rest else replace(upload, field="targets")
        try:
            told.append(replace(upload, target=_target(cells, size)))
        except ValueError as error:
            said = f"The target of {place.place}" if sent.rest else place.place
            faults.append(place.error(errors.NumbersInvalid, f"{said} cannot be used: {error}."))
    if faults:
        raise faults[0].among(faults)
    return told


def _target(cells: Sequence[str], size: int) -> tuple[float, ...]:
    numbers = to_numbers(cells)
    if len(numbers) != size:
        raise ValueError(f"it has {counted(len(numbers))}, and the checkpoint estimates {size}")
    return tuple(finite(numbers).tolist())


def _each(sent: Sent, spec: Input, cancellation: Cancellation) -> Iterator[Decoded]:
    """Yield what comes of each vector, in turn. Looks at `cancellation` before each."""
    for upload, cells in zip(sent.uploads, sent.cells, strict=True):
        cancellation.check()
        try:
            yield Decoded(upload, spec.prepare(to_numbers(cells)))
        except ValueError as error:
            fault = upload.error(errors.NumbersInvalid, f"{upload.place} cannot be used: {error}.")
            yield Decoded(upload, fault=fault.alone())


def _cells(text: str) -> list[str]:
    """Return the cells of a vector as a form or a JSON body brings it, `1, 2` or `[1, 2]`."""
    bare = text.strip()
    if bare.startswith("[") and bare.endswith("]"):
        bare = bare[1:-1]
    return bare.split(",") if bare.strip() else []
