"""Records of every version are read; those of a newer build are refused by name and left as they are."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar
from zipfile import ZipFile

import pytest
import structlog

from app.errors import RecordOutdated, RecordTooNew
from app.inputs import support_archive
from app.store import DirectoryStore, Store
from app.store.documents import Record, Update
from app.store.records import AnswerRecord, IntentRecord, ModelRecord, SupportRecord
from app.threads import Cancellation
from models.inputs.image import ImageInput
from tests.app.store.conftest import Opener
from tests.app.stored import NewerModelRecord, put_newer, revision_of, stored, with_owner

RECORDS = Path(__file__).parents[2] / "data" / "records"
VERSIONS = sorted(RECORDS.glob("version-*"))
SPECS = {
    "drawings": ImageInput(channels=1, size=28),
    "photos": ImageInput(channels=3, size=224, fit="crop"),
}
CLASSES = {"drawings": 5, "photos": 2}
SHAPES = {"drawings": (25, 1, 28, 28), "photos": (4, 3, 224, 224)}


class NewerIntentRecord(IntentRecord):
    updates: ClassVar[Sequence[Update]] = (*IntentRecord.updates, dict, dict)


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> DirectoryStore:
    """A store as the build of this version left it."""
    return DirectoryStore(shutil.copytree(request.param, tmp_path / "models"))


def records_of(store: DirectoryStore) -> list[bytes]:
    return [path.read_bytes() for path in (store.directory / "records").iterdir()]


def test_stored_models_of_every_version_are_read(kept: DirectoryStore) -> None:
    records, _ = kept.page(10)
    assert {record.name for record in records} == {"drawings", "photos"}
    for record in records:
        name = record.name or ""
        assert len(record.classes) == len(record.shots) == CLASSES[name]
        assert record.images_kept
        assert record.version == 1
        stored = kept.get(record.id)
        assert stored.record == record
        assert stored.tensors
        assert kept.update(record.id, lambda record: record.model_copy(update={"name": "other"})).name == "other"
        assert kept.describe(record.id).classes == record.classes


def test_kept_images_of_every_version_are_read(kept: DirectoryStore) -> None:
    records, _ = kept.page(10)
    for record in records:
        name = record.name or ""
        unpacked = support_archive.unpack(kept.images(record.id), record, SPECS[name], Cancellation())
        assert unpacked.images.shape == SHAPES[name]
        assert unpacked.support.classes == record.classes
        assert unpacked.choices.seed == record.seed


def test_intents_and_answers_of_every_version_are_read(kept: DirectoryStore) -> None:
    contents = records_of(kept)
    intents = [IntentRecord.read(each) for each in contents if b"fingerprint" in each]
    answers = {answer.id: answer for answer in (AnswerRecord.read(each) for each in contents if b"timings_ms" in each)}
    assert len(intents) == len(answers) == 2
    for intent in intents:
        assert answers[intent.model_id].timings_ms.adapt > 0
        assert dict(kept.describe(intent.model_id)).items() <= dict(answers[intent.model_id]).items()


@pytest.mark.parametrize("record", [ModelRecord, SupportRecord, IntentRecord, AnswerRecord])
def test_files_of_the_newest_version_are_among_those_that_are_read(record: type[Record]) -> None:
    assert len(VERSIONS) > len(record.updates), "add a folder to tests/data/records, written by this build"


def test_a_required_field_asks_for_an_update_that_adds_it_to_older_documents() -> None:
    class WithOwner(ModelRecord):
        owner: str

    class Updated(WithOwner):
        updates = (*ModelRecord.updates, with_owner)

    document = stored().record.write()
    with pytest.raises(RecordOutdated, match=r"older server wrote .* without owner") as told:
        WithOwner.read(document)
    assert (told.value.status, told.value.headers["Retry-After"]) == (503, "30")
    assert Updated.read(document).owner == "nobody"
    assert Updated.read(Updated.read(document).write()).owner == "nobody"


@pytest.mark.parametrize("document", ["", "[]", "null", '{"format_version": "x"}', '{"id": 3'])
def test_what_is_no_document_is_damaged_and_not_of_another_version(document: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        ModelRecord.read(document)


def test_a_model_of_a_newer_build_is_refused_by_name_and_left_as_it_is(store: Store) -> None:
    model_id = put_newer(store)
    before = revision_of(store, model_id)
    for call in (
        lambda: store.get(model_id),
        lambda: store.describe(model_id),
        lambda: store.update(model_id, lambda record: record),
        lambda: store.delete(model_id),
        lambda: store.put(stored(model_id)),
    ):
        with pytest.raises(RecordTooNew, match=r"version 2 of its record.* reads versions 0 to 1.* left as it is"):
            call()
    assert revision_of(store, model_id) == before


def test_a_list_leaves_out_models_of_a_newer_build_and_logs_it_once(store: Store) -> None:
    for _ in range(2):
        put_newer(store)
    ours = store.put(stored()).record.id
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            assert [record.id for record in store.page(10)[0]] == [ours]
    assert len(logs) == 1
    assert "version 2" in logs[0]["error"]


def test_a_sweep_leaves_models_and_records_of_a_newer_build(
    store: Store, monkeypatch: pytest.MonkeyPatch, open_again: Opener
) -> None:
    for module in ("app.store.directory.sweeper.RECORD_SECONDS", "app.store.s3.object_store.RECORD_SECONDS"):
        monkeypatch.setattr(module, -1)
    model_id = put_newer(store, expires_in=-1)
    newer = NewerIntentRecord(fingerprint="f", model_id=model_id).write()
    ours = IntentRecord(fingerprint="f", model_id=model_id).write()
    store.claim("0" * 64, newer)
    store.claim("1" * 64, ours)
    for _ in range(2):
        store.sweep()
        open_again().sweep()
    assert revision_of(store, model_id)
    assert store.recall("0" * 64) == newer
    assert store.recall("1" * 64) is None
    monkeypatch.setattr(ModelRecord, "updates", NewerModelRecord.updates)  # now this is the newer build
    monkeypatch.setattr(AnswerRecord, "updates", NewerIntentRecord.updates)
    store.sweep()
    assert revision_of(store, model_id) is None
    assert store.recall("0" * 64) is None


def test_two_builds_on_one_store_go_forward_and_back(store: Store, open_again: Opener) -> None:
    older, renamed = (store.put(stored()).record.id for _ in range(2))

    def rename(record: ModelRecord) -> ModelRecord:
        return record.model_copy(update={"name": "new"})

    with pytest.MonkeyPatch.context() as newer_build:
        newer_build.setattr(ModelRecord, "updates", NewerModelRecord.updates)
        newer = open_again().put(stored()).record.id
        assert {record.id for record in open_again().page(10)[0]} == {older, renamed, newer}
        assert open_again().update(renamed, rename).name == "new"
    assert [record.id for record in store.page(10)[0]] == [older]
    for each in (newer, renamed):
        with pytest.raises(RecordTooNew):
            store.get(each)
    assert store.update(older, rename).name == "new"
    with pytest.MonkeyPatch.context() as newer_build:
        newer_build.setattr(ModelRecord, "updates", NewerModelRecord.updates)
        assert {open_again().get(each).record.name for each in (older, renamed)} == {"new"}


def test_a_model_that_a_newer_build_changed_is_read_again_before_it_is_deleted(store: Store) -> None:
    model_id = store.put(stored(expires_in=0.2)).record.id
    assert store.sweep().models == 0
    with pytest.MonkeyPatch.context() as newer_build:
        newer_build.setattr(ModelRecord, "updates", NewerModelRecord.updates)
        store.update(model_id, lambda record: record.model_copy(update={"expires_at": None}))
    time.sleep(0.3)
    store.sweep()
    store.sweep()
    assert revision_of(store, model_id)


def test_kept_images_of_a_newer_build_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "newer.images"
    with ZipFile(path, "w") as archive:
        archive.writestr(support_archive.DOCUMENT, json.dumps({"format_version": 7}))
    with pytest.raises(RecordTooNew, match="version 7"), path.open("rb") as file:
        support_archive.listed(file, stored().record, None)
