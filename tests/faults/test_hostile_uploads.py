"""Kinds of hostile upload beyond those of tests/app/test_bad_*: a refusal each, no stall, nothing left open."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

import httpx
import pytest
from PIL import Image

from tests.app.drawings import SUPPORT, adapt_zip, class_folders, images, labels
from tests.faults.watchdog import STALL, Watchdog, open_files
from tests.serving import Server, wait_until

DISPOSITION = b'Content-Disposition: form-data; name="labels"\r\n'


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + chunk(b"IEND", b"")


def riff(data: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"WEBP" + data


JPEG_END = b"\x01\x01\x11\0" + b"\xff\xda\0\x08\x01\x01\0\0\x3f\0" + bytes(20) + b"\xff\xd9"
IMAGES = {
    "a picture one pixel high and 100 million wide": png(100_000_000, 1),
    "a picture without height": png(10, 0),
    "the largest sides that a PNG can claim": png(2**31 - 1, 2**31 - 1),
    "a chunk that claims 2 GB": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 2**31 - 1) + b"IHDR",
    "a JPEG that claims 65,500 pixels a side": b"\xff\xd8\xff\xc0\0\x0b\x08"
    + struct.pack(">HH", 65500, 65500)
    + JPEG_END,
    "a WEBP that claims the largest sides": riff(b"VP8X" + struct.pack("<II", 10, 0) + b"\xff" * 6),
    "a BMP of 2 billion rows upwards": b"BM"
    + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 9, -(2**31), 1, 24, 0, 0, 0, 0, 0, 0),
    "a GIF that ends in its first block": b"GIF89a" + struct.pack("<HH", 9, 9) + b"\0\0\0,",
    "an SVG with a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "a page of HTML": b"<!doctype html><script>alert(1)</script>",
    "a Photoshop file": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30_000, 30_000, 8, 3),
    "a PDF": b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n",
    "an executable": b"\x7fELF" + bytes(60),
    "a pickle": b"cos\nsystem\n(S'true'\ntR.",
}


@pytest.fixture(autouse=True)
def nothing_left(server: Server) -> Iterator[None]:
    before, models = len(open_files(server)), server.models()
    with Watchdog(server) as watchdog:
        yield
    assert watchdog.stall < STALL
    wait_until(lambda: len(open_files(server)) <= before, 5, lambda: str(open_files(server)))
    assert server.models() == models
    assert httpx.get(f"{server.url}/livez").status_code == httpx.codes.OK


def refused(answer: httpx.Response) -> bool:
    return 400 <= answer.status_code < 500 and answer.json()["type"].startswith("/problems/")


def test_hostile_images_are_refused(server: Server) -> None:
    bomb = b"a\0\0" + zlib.compress(bytes(10**8))
    bombs = {
        "a text chunk that unpacks to 100 MB": png(9, 9, chunk(b"zTXt", bomb)),
        "a colour profile that unpacks to 100 MB": png(9, 9, chunk(b"iCCP", bomb)),
    }
    for name, data in {**IMAGES, **bombs}.items():
        files = [*images(SUPPORT[:-1]), ("images", ("a.png", data))]
        answer = httpx.post(f"{server.url}/adapt", files=files, data=labels(SUPPORT), timeout=60)
        assert refused(answer), name
        assert answer.json()["index"] == len(SUPPORT) - 1, name


def multipart(*parts: bytes) -> bytes:
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"


BODIES = {
    "30,000 parts": multipart(*[DISPOSITION + b"\r\na"] * 30_000),
    "a header of a megabyte": multipart(DISPOSITION + b"X-A: " + b"a" * 2**20 + b"\r\n\r\na"),
    "1000 headers": multipart(DISPOSITION + b"X-A: a\r\n" * 1000 + b"\r\na"),
    "a part without a name": multipart(b"Content-Disposition: form-data\r\n\r\na"),
    "a part without headers": multipart(b"\r\na"),
    "a form in a form": multipart(DISPOSITION + b"Content-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--"),
    "no closing boundary": multipart(DISPOSITION + b"\r\na")[:-8],
    "a field by another name": multipart(b'Content-Disposition: form-data; name="__class__"\r\n\r\na'),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_hostile_forms_are_refused(server: Server, body: bytes) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert refused(httpx.post(f"{server.url}/adapt", content=body, headers=headers, timeout=60))


def test_a_link_in_a_zip_is_not_followed(server: Server) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in class_folders().items():
            archive.writestr(name, data)
        link = zipfile.ZipInfo("alpha/link.png")
        link.create_system, link.external_attr = 3, 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    answer = adapt_zip(server.url, buffer.getvalue())
    assert refused(answer)
    assert "alpha/link.png: it is a link" in answer.json()["detail"]


def test_a_zip_that_names_one_content_very_often(server: Server) -> None:
    """Overlapping entries: each is the same 3 MB, of which the zip has three kilobytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/0000.png", bytes(3_000_000))
        first = archive.infolist()[0]
        for number in range(1, 1000):
            info = zipfile.ZipInfo(f"{'ab'[number % 2]}/{number:04}.png")
            for name in ("header_offset", "CRC", "compress_size", "file_size", "compress_type"):
                setattr(info, name, getattr(first, name))
            archive.filelist.append(info)
    assert refused(adapt_zip(server.url, buffer.getvalue()))


def test_a_gif_of_thousands_of_frames_is_as_quick_as_its_first(server: Server) -> None:
    buffer = io.BytesIO()
    frames = [Image.new("P", (8, 8), number % 256) for number in range(2000)]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    files = [("images", ("a.gif", buffer.getvalue())), ("images", ("b.png", b"no picture"))]
    assert refused(httpx.post(f"{server.url}/adapt", files=files, data={"labels": ["a", "b"]}))
