"""Texts by class: tables of one's own, and the intents with their split."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
import torch

from meta_training.data.splits import read_split
from meta_training.data.texts import OUT_OF_SCOPE, TRAINING, VALIDATION, out_of_scope, read_texts
from meta_training.errors import DataError
from models.inputs.text import TextInput, texts

SPEC = TextInput(length=100)
TICKETS = Path(__file__).parents[2] / "data" / "tickets"


def write(path: Path, rows: list[tuple[str, str]]) -> None:
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])


@pytest.fixture
def intents(tmp_path: Path) -> Path:
    """A folder as the intents', with two texts of a class, and two classes of a domain."""
    domains = {name: [f"{name} {number}" for number in range(2)] for name in ("banking", *TRAINING, *VALIDATION)}
    labels = [label for each in domains.values() for label in each]
    folder = tmp_path / "intents"
    folder.mkdir()
    (folder / "clinc150-domains.json").write_text(json.dumps(domains))
    write(
        folder / "clinc150.csv", [(f"{text} of {label}", label) for label in (*labels, OUT_OF_SCOPE) for text in "ab"]
    )
    for name in ("banking77", "hwu64"):
        write(folder / f"{name}.csv", [(f"{text} {label}", label) for label in ("x", "y") for text in "ab"])
    return tmp_path


def test_a_folder_of_tables_is_classes_by_table_and_label() -> None:
    found = read_texts(TICKETS, SPEC)
    assert found.names[:2] == ("query/billing", "query/bug")
    assert [len(found.images[found.names.index(f"{part}/login")]) for part in ("query", "support")] == [3, 5]
    (whole,) = read_texts(TICKETS / "support.csv", SPEC).by_domain().values()
    assert len(whole) == 4


def test_the_intents_are_split_by_domain_and_their_tests_are_other_data(intents: Path) -> None:
    split = read_split(intents, SPEC)
    assert {name.partition("/")[0] for name in split.training.names} == set(TRAINING)
    assert {name.partition("/")[0] for name in split.validation.names} == set(VALIDATION)
    assert split.test.names == ("banking77/x", "banking77/y", "hwu64/x", "hwu64/y")
    assert texts(torch.from_numpy(split.training.images[0])) == ["a of home 0", "b of home 0"]
    assert out_of_scope(intents) == [f"{text} of {OUT_OF_SCOPE}" for text in "ab"]


def test_tables_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no tables of texts"):
        read_texts(tmp_path, SPEC)
    (tmp_path / "bad.csv").write_text("words,label\na,b\n")
    with pytest.raises(DataError, match=r"bad.csv has no column text in row 2"):
        read_texts(tmp_path, SPEC)
    write(tmp_path / "bad.csv", [("a" * 101, "b")])
    with pytest.raises(DataError, match=r"bad.csv has the text 'aaa.* 101 bytes in UTF-8, and 100 is the most"):
        read_texts(tmp_path, SPEC)
    with pytest.raises(DataError, match=r"nowhere does not exist. Name a table"):
        read_split(tmp_path / "nowhere", SPEC)
