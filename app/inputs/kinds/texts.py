"""Texts as forms bring them: texts with labels, or a table."""

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
from app.inputs.limits import SetLimits, TextLimits
from app.inputs.support_set import SupportSet, Upload
from app.settings import Settings
from app.threads import Cancellation
from kshot.text import shown
from models.errors import TableError
from models.inputs.interface import Input
from models.tables.texts import read_rows

KIND = "texts"
QUICK_CHARACTERS = 10_000
"""Of all texts of a request together: they are read before a thread would have begun to."""
SHOWN = 60  # characters of a text that a refusal shows


@dataclass(frozen=True)
class Sent:
    """The texts of a form, each with its place, and the labels that a table gives them."""

    uploads: Sequence[Upload]
    texts: Sequence[str]


class TextSets:
    """See ExampleSets."""

    def __init__(self, limits: SetLimits, text_limits: TextLimits) -> None:
        self._limits = limits
        self._most_bytes = text_limits.max_text_bytes

    @classmethod
    def of(cls, settings: Settings) -> TextSets:
        """Return what the settings describe."""
        return cls(SetLimits.of(settings), TextLimits.of(settings))

    def support(
        self, form: Uploads, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[SupportSet, Tensor]:
        """Return the labelled texts of a form, and as tensors [B, ...]."""
        support, sent = self._labelled(form, wanted.least_classes)
        found = usable(self._each(sent, spec, cancellation))
        found.require_all()
        return support, found.images

    def queries(self, form: PredictForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Usable:
        """See ExampleSets."""
        return usable(self._each(self._sent(form, labelled=False), spec, cancellation))

    def at_once(self, form: PredictForm, spec: Input, wanted: Wanted) -> Usable | None:
        """See ExampleSets: few texts."""
        few = form.texts and sum(map(len, form.texts)) <= QUICK_CHARACTERS
        return self.queries(form, spec, wanted, Cancellation()) if few else None

    def pool(
        self, form: RankForm, spec: Input, wanted: Wanted, cancellation: Cancellation
    ) -> tuple[Usable, SupportSet]:
        """See ExampleSets."""
        sent = self._sent(form, labelled=False)
        return usable(self._each(sent, spec, cancellation)), SupportSet(list(sent.uploads), [])

    def inspect(self, form: InspectForm, spec: Input, wanted: Wanted, cancellation: Cancellation) -> Inspected:
        """See ExampleSets."""
        if form.table or form.labels:
            support, sent = self._labelled(form, 1)
        else:
            sent = self._sent(form, labelled=False)
            support = SupportSet(list(sent.uploads), [])
        return inspected(support, self._each(sent, spec, cancellation), spec if form.pictures else None)

    def _labelled(self, form: Uploads, least_classes: int) -> tuple[SupportSet, Sent]:
        sent = self._sent(form, labelled=True)
        if form.table:
            if form.labels:
                raise errors.UploadAmbiguous("The table has the labels. Leave `labels` out.", field="labels")
            places = ((each.label, f"The label of {each.place}", each.members) for each in sent.uploads)
            labels, field = check_each(places), "table"
        else:
            labels, field = check_labels(form.labels, len(sent.texts), KIND), "labels"
        uploads = [replace(upload, label=label) for upload, label in zip(sent.uploads, labels, strict=True)]
        classes = list(dict.fromkeys(labels))
        self._limits.check_classes(classes, field, least_classes, KIND)
        return SupportSet(uploads, classes), replace(sent, uploads=uploads)

    def _sent(self, form: Examples, *, labelled: bool) -> Sent:
        """Return the texts of a form. Raises TextsMissing, UploadAmbiguous, TableUnreadable or TooManyTexts."""
        if form.texts and form.table:
            raise errors.UploadAmbiguous("Send either texts or a table, and not both.", field="table")
        if form.table:
            return self._rows(form.table, labelled=labelled)
        if not form.texts:
            detail = "Send texts in the field 'texts', or a CSV or JSONL with a column 'text' in 'table'."
            raise errors.TextsMissing(detail, field=KIND)
        self._limits.check_examples(len(form.texts), KIND, KIND)
        return Sent([Upload(KIND, index, "") for index in range(len(form.texts))], form.texts)

    def _rows(self, file: UploadFile, *, labelled: bool) -> Sent:
        name = filename(file) or "the table"
        try:
            rows = read_rows(file.file.read(), labelled=labelled, most=self._limits.max_texts)
        except TableError as error:
            raise errors.TableUnreadable(f"{name} {error}", field="table", filename=name) from error
        self._limits.check_examples(len(rows), KIND, "table")
        uploads = [Upload("table", index, f"{name}, {row.place}", row.label) for index, row in enumerate(rows)]
        return Sent(uploads, [row.text for row in rows])

    def _each(self, sent: Sent, spec: Input, cancellation: Cancellation) -> Iterator[Decoded]:
        """Yield what comes of each text, in turn. Looks at `cancellation` before each."""
        for upload, text in zip(sent.uploads, sent.texts, strict=True):
            cancellation.check()
            try:
                yield Decoded(upload, self._prepared(upload, text, spec))
            except errors.TextInvalid as fault:
                yield Decoded(upload, fault=fault.alone())

    def _prepared(self, upload: Upload, text: str, spec: Input) -> Tensor:
        if not text.strip():
            raise upload.error(errors.TextInvalid, f"{upload.place} is empty. Send a text, or leave it out.")
        size = len(text.encode())
        if size > self._most_bytes:
            limit = f"the limit is {self._most_bytes} (KSHOT_MAX_TEXT_BYTES)"
            detail = f"{_said(upload, text)} has {size} bytes in UTF-8; {limit}. Send the part that matters."
            raise upload.error(errors.TextInvalid, detail)
        try:
            return spec.prepare(text)
        except ValueError as error:
            raise upload.error(errors.TextInvalid, f"{_said(upload, text)} cannot be used: {error}.") from error


def _said(upload: Upload, text: str) -> str:
    return f"{upload.place}, {shown(text[:SHOWN])!r}{'…' if len(text) > SHOWN else ''},"
