"""Lists of labels are read as label tools export them."""

from __future__ import annotations

import json

import pytest

from app.errors import ArchiveManifest, TooFewClasses
from tests.app.drawings import zipped
from tests.app.inputs.archives.packed import PNG, read, tar_of

PICTURES = dict.fromkeys(["images/1.png", "images/2.png", "images/3.png"], PNG)
HAT_SHOE = {"hat": 2, "shoe": 1}
ROWS = [("1.png", "hat"), ("2.png", "shoe"), ("3.png", "hat")]


def table(header: str, delimiter: str = ",") -> bytes:
    return "\n".join([header, *(delimiter.join(row) for row in ROWS)]).replace(",", delimiter).encode()


def label_studio() -> bytes:
    def task(number: int, file: str, label: object) -> dict[str, object]:
        choices = {"type": "choices", "value": {"choices": [label]}}
        return {
            "id": number,
            "data": {"image": f"/data/upload/3/0a1b2c3d-{file}"},
            "annotations": [{"result": [choices]}],
        }

    return json.dumps([task(number, *row) for number, row in enumerate(ROWS, 7)]).encode()


LABEL_STUDIO_CSV = b"""annotation_id,choice,id,image
1,hat,1,/data/upload/1/0a1b2c3d-1.png
2,"{""choices"": [""shoe""]}",2,s3://bucket/x/2.png
3,hat,3,/data/local-files/?d=x/3.png
"""
PROJECT = {
    "format": "kshot project",
    "format_version": 1,
    "checkpoint": "photo",
    "classes": ["hat", "shoe"],
    "pictures": [{"file": f"images/{file}", "filename": "x.png", "label": label} for file, label in ROWS],
}
COCO = {
    "images": [{"id": number, "file_name": file} for number, (file, _) in enumerate(ROWS)],
    "annotations": [
        {"image_id": 0, "category_id": 4},
        {"image_id": 1, "category_id": 5},
        {"image_id": 2, "category_id": 4},
    ],
    "categories": [{"id": 4, "name": "hat"}, {"id": 5, "name": "shoe"}],
}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("labels.csv", table("file,label")),
        ("labels.csv", b"\xef\xbb\xbf" + table("filename,class")),
        ("train.csv", table("Image Path;Category", ";")),
        ("labels.tsv", table("image\tlabel", "\t")),
        ("images/metadata.csv", table("file_name,label")),
        ("images/metadata.jsonl", b"\n".join(json.dumps({"file_name": a, "label": b}).encode() for a, b in ROWS)),
        ("images/_classes.csv", b"filename, hat, shoe\n1.png, 1, 0\n2.png, 0, 1\n3.png, 1, 0\n"),
        ("project.csv", LABEL_STUDIO_CSV),
        ("project.json", json.dumps(PROJECT).encode()),
        ("project-min.json", json.dumps([{"image": f"http://x/{a}", "choice": b} for a, b in ROWS]).encode()),
        ("project.json", label_studio()),
        ("annotations/instances.json", json.dumps(COCO).encode()),
        ("images/_annotations.coco.json", json.dumps(COCO).encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
@pytest.mark.parametrize("wrapper", ["", "export/"])
def test_lists_of_labels_label_the_pictures(name: str, data: bytes, wrapper: str) -> None:
    files = {f"{wrapper}{path}": content for path, content in {**PICTURES, name: data}.items()}
    support = read(zipped(files))
    assert support.shots == HAT_SHOE
    assert [each.type for each in support.warnings] == ["labels-from-list"]
    assert read(tar_of(files, "w:gz")).shots == HAT_SHOE


def test_each_part_of_a_data_set_may_have_its_list() -> None:
    parts = {f"{split}/{number}.png": PNG for split in ("train", "valid") for number in range(2)}
    lists = {
        f"{split}/_classes.csv": b"filename, hat, shoe\n0.png, 1, 0\n1.png, 0, 1\n" for split in ("train", "valid")
    }
    assert read(zipped(parts | lists)).shots == {"hat": 2, "shoe": 2}


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        ("9.png,hat", r"row 5 names '9.png', which is not in the archive"),
        ("1.png,shoe", r"row 5: '1.png' has the labels 'shoe' and 'hat'"),
        ("images/notes.txt,hat", r"row 5 names 'images/notes.txt', which is no picture: it is text"),
        ("1.png", r"row 5 has 1 cells"),
    ],
)
def test_a_row_that_is_wrong_is_named(rows: str, fault: str) -> None:
    files = {**PICTURES, "images/notes.txt": b"x", "labels.csv": table("file,label") + f"\n{rows}".encode()}
    with pytest.raises(ArchiveManifest, match=rf"labels.csv: {fault}") as caught:
        read(zipped(files))
    assert caught.value.members["filename"] == "labels.csv"


def test_a_name_that_means_two_files_is_an_error() -> None:
    files = dict.fromkeys(["a/1.png", "b/1.png"], PNG)
    with pytest.raises(ArchiveManifest, match="there are 2 of that name"):
        read(zipped({**files, "labels.csv": b"file,label\n1.png,hat\n"}))
    assert read(zipped({**files, "labels.csv": b"file,label\na/1.png,hat\n/old/b/1.png,shoe\n"})).classes == [
        "hat",
        "shoe",
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252"])
def test_a_list_in_another_encoding_is_refused(encoding: str) -> None:
    text = table("file,label").decode().replace("hat", "Hüte")
    with pytest.raises(ArchiveManifest, match="not in UTF-8"):
        read(zipped({**PICTURES, "labels.csv": text.encode(encoding)}))


def test_pictures_that_a_list_leaves_out_are_left_out_with_the_reason() -> None:
    support = read(zipped({**PICTURES, "images/4.png": PNG, "labels.csv": table("file,label") + b"\n4.png,"}))
    left = support.left_out[0]
    assert (left.filename, left.reason) == (
        "images/4.png",
        "labels.csv, row 5 gives it no label",
    )
    assert support.shots == HAT_SHOE


def test_a_row_without_a_label_is_told_where_another_row_has_one() -> None:
    support = read(zipped({**PICTURES, "labels.csv": table("file,label") + b"\n1.png,"}))
    assert support.shots == HAT_SHOE
    assert "images/1.png: labels.csv, row 5 gives it no label, another row does." in support.warnings[0].detail


def test_labels_of_one_picture_are_compared_as_people_see_them() -> None:
    assert (
        read(zipped({**PICTURES, "labels.csv": table("file,label") + "\n1.png, hat\u200b".encode()})).shots == HAT_SHOE
    )


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"categories": [{"id": 4, "name": "hat"}, {"id": 5}]}, "category 5, which an annotation names, has no name"),
        ({"categories": [{"id": 4, "name": "hat"}]}, "category 5, which an annotation names, has no name"),
        ({"images": COCO["images"][:2]}, "image 2, which an annotation names, isn't listed"),
    ],
)
def test_what_a_coco_document_leaves_open_is_named(changes: dict[str, object], fault: str) -> None:
    with pytest.raises(ArchiveManifest, match=f"coco.json: {fault}"):
        read(zipped({**PICTURES, "coco.json": json.dumps(COCO | changes).encode()}))


def test_a_task_without_a_file_is_named() -> None:
    with pytest.raises(ArchiveManifest, match="task 7 names no file"):
        read(zipped({**PICTURES, "project.json": json.dumps([{"id": 7, "data": {}, "annotations": []}]).encode()}))


def test_two_columns_of_labels_are_refused() -> None:
    with pytest.raises(ArchiveManifest, match="label and class, each of which"):
        read(zipped({**PICTURES, "labels.csv": b"file,class,label\n1.png,hat,3\n"}))


@pytest.mark.parametrize("name", ["labels.json", "labels.csv"])
def test_what_may_be_meant_as_a_list_is_told_where_the_folders_say_nothing(name: str) -> None:
    with pytest.raises(
        ArchiveManifest, match=f"{name}: is no list of labels that is read here.*columns file and label"
    ):
        read(zipped({**PICTURES, name: b'[{"picture of": 1}'}))


def test_a_list_with_one_label_alone_is_a_list() -> None:
    with pytest.raises(TooFewClasses):
        read(zipped({**PICTURES, "labels.csv": b"file,label\n1.png,hat\n"}))


@pytest.mark.parametrize("file", ["http://[x/1.png", "/a?d=", "//", "c:/", "..", "", "\\", "\ud800", "http://[]/1.png"])
def test_no_name_in_a_list_is_an_error_of_ours(file: str) -> None:
    row = json.dumps({"file": file, "label": "hat"}).replace("\\\\ud800", "\\ud800").encode()
    with pytest.raises(ArchiveManifest):
        read(zipped({"1/a.png": PNG, "2/b.png": PNG, "labels.jsonl": row}))


def test_other_tables_are_no_lists_of_labels() -> None:
    others = {
        "stats.csv": b"file,width,height\n1.png,3,4\n",
        "config.json": b"{}",
        "x.json": b"[1",
        "log.jsonl": b"{}\n",
    }
    assert read(zipped({"hat/1.png": PNG, "shoe/1.png": PNG, **others})).classes == ["hat", "shoe"]
