"""Tables of labelled texts."""

from __future__ import annotations

import pytest

from models.errors import TableError
from models.tables.texts import Row, read_rows

ROWS = [Row("row 2", "Where is it?", "delivery"), Row("row 3", "a, b; c", "2")]


@pytest.mark.parametrize(
    "data",
    [
        b'text,label\nWhere is it?,delivery\n"a, b; c",2\n',
        b'\xef\xbb\xbfLabel;Text\r\ndelivery;Where is it?\r\n\r\n2;"a, b; c"\r\n',
        b"id\tcategory\tsentence\n1\tdelivery\tWhere is it?\n2\t2\ta, b; c\n",
        b'{"text": "Where is it?", "label": "delivery"}\n\n{"text": "a, b; c", "label": 2}\n',
        b'[{"text": "Where is it?", "label": "delivery"}, {"text": "a, b; c", "label": 2}]',
    ],
    ids=["csv", "semicolons, BOM", "tabs", "json lines", "json"],
)
def test_every_layout_gives_the_same_rows(data: bytes) -> None:
    found = read_rows(data, labelled=True)
    assert [(row.text, row.label) for row in found] == [(row.text, row.label) for row in ROWS]


def test_rows_are_named_as_a_spreadsheet_numbers_them() -> None:
    assert read_rows(b'text,label\nWhere is it?,delivery\n"a, b; c",2\n', labelled=True) == ROWS


def test_reading_ends_after_one_row_more_than_is_wanted() -> None:
    assert len(read_rows(b"text\n" + b"a\n" * 100, labelled=False, most=5)) == 6


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"text,label\n", "has no rows"),
        (b"text,label\na,b,c\n", "has 3 cells in row 2, and 2 in its header"),
        (b"words,label\na,b\n", "has no column text in row 2; it has 'words', 'label'"),
        (b"text,kind\na,b\n", "has no column label in row 2"),
        ("text,label\nä,b\n".encode("latin-1"), "is not in UTF-8"),
        (b'text,label\n"a,b\n', "cannot be read as a table"),
        (b'{"text": "a", "label": "b"}\n{"text": "a"', "has no JSON in line 2"),
        (b'{"text": NaN, "label": "b"}', "has nan for 'text' in line 1, which is no text"),
        (b'{"text": ["a"], "label": "b"}', "which is no text"),
        (b'[["a", "b"]]', "has no JSON object in item 1"),
    ],
)
def test_a_table_that_does_not_do_says_why(data: bytes, said: str) -> None:
    with pytest.raises(TableError, match=said):
        read_rows(data, labelled=True)
