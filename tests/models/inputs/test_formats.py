"""A picture is known by its first bytes, whatever its file is called."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from models.inputs.formats import PREFIX, looks_foreign, looks_like_picture


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_each_format_is_known_by_its_first_bytes(kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, kind)
    assert looks_like_picture(file.getvalue()[:PREFIX]) == kind
    assert looks_foreign(file.getvalue()) is None


@pytest.mark.parametrize(
    ("brands", "kind"),
    [
        (b"heic\0\0\0\0mif1heic", "HEIC"),
        (b"mif1\0\0\0\0mif1heic", "HEIC"),
        (b"mif1\0\0\0\0mif1avif", "AVIF"),
        (b"isom\0\0\0\0isommp42", None),
    ],
)
def test_what_a_file_of_boxes_holds_is_told_by_its_brands(brands: bytes, kind: str | None) -> None:
    data = (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands
    assert looks_like_picture(data + b"\0\0\0\x08heic") == kind  # what follows the box is none of them


@pytest.mark.parametrize(
    "data", [b"", b"B", b"BM: the museum's list", b"II", b"II*\0", b"\0\0\0\x18ftyp", b"RIFF\0\0\0\0WAVE"]
)
def test_no_text_or_fragment_is_taken_for_another_format(data: bytes) -> None:
    assert looks_like_picture(data) in (None, "TIFF")
    assert looks_foreign(data) is None


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"%PDF-1.7", "PDF"),
        (b'\xef\xbb\xbf <?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"8BPS\0\1", "PSD"),
        (b"\xff\x0a\xfa", "JPEG XL"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "MP4"),
        (b"II*\0\x10\0\0\0CR\2\0", "raw"),
        (b"II*\0\x08\0\0\0\1\0\x12\xc6\1\0\4\0\0\0\1\4\0\0", "raw"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, name: str) -> None:
    assert looks_like_picture(data) is None
    assert name in (looks_foreign(data) or "")
