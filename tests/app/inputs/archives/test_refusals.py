"""Each kind of bad zip is a problem that says what to do, stores nothing and harms nobody."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from tests.app.drawings import adapt_zip, class_folders, zipped
from tests.app.refusals import problem
from tests.serving import Server

pytestmark = pytest.mark.usefixtures("unharmed")


def test_a_zip_whose_names_all_lead_out_of_it(server: Server) -> None:
    answer = adapt_zip(server.url, zipped(class_folders("../") | class_folders("/etc/") | class_folders("C:/")))
    problem(answer, 422, "archive-unsafe-name", field="archive")


def test_a_zip_bomb(server: Server) -> None:
    answer = adapt_zip(server.url, zipped(class_folders() | {"alpha/bomb.png": bytes(50_000_000)}))
    problem(answer, 413, "archive-too-large", field="archive")


def test_a_zip_bomb_that_lies_about_its_size(server: Server) -> None:
    data = zipped({"alpha/bomb.png": bytes(50_000_000)} | class_folders())
    true, false = struct.pack("<I", 50_000_000), struct.pack("<I", 1000)
    answer = adapt_zip(server.url, data.replace(true, false))
    problem(answer, 422, "archive-unreadable", field="archive")


def test_a_zip_of_very_many_entries(server: Server) -> None:
    answer = adapt_zip(server.url, zipped({f"a/{number}.png": b"" for number in range(5001)}))
    problem(answer, 413, "archive-too-large", field="archive")


def test_a_nested_zip(server: Server) -> None:
    answer = adapt_zip(server.url, zipped(class_folders() | {"alpha/more.zip": zipped(class_folders())}))
    problem(answer, 422, "archive-nested", field="archive", filename="alpha/more.zip")


def test_a_nested_zip_named_as_an_image(server: Server) -> None:
    answer = adapt_zip(server.url, zipped(class_folders() | {"alpha/more.png": zipped(class_folders())}))
    problem(answer, 422, "image-unreadable", field="archive", filename="alpha/more.png")


def test_an_encrypted_zip(server: Server) -> None:
    data = bytearray(zipped(class_folders()))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        offset = archive.infolist()[0].header_offset
    data[offset + 6] |= 1  # the flag, in the file's own header and in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    problem(
        adapt_zip(server.url, bytes(data)),
        422,
        "archive-encrypted",
        field="archive",
        filename=next(iter(class_folders())),
    )


def test_a_zip_of_another_compression(server: Server) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        for name, data in class_folders().items():
            archive.writestr(name, data)
    problem(adapt_zip(server.url, buffer.getvalue()), 422, "archive-unreadable", field="archive")


@pytest.mark.parametrize("data", [b"", b"not a zip", zipped(class_folders())[:-30]], ids=["empty", "text", "cut"])
def test_a_file_that_is_no_zip(server: Server, data: bytes) -> None:
    problem(adapt_zip(server.url, data), 422, "archive-unreadable", field="archive")


def test_a_zip_with_damaged_contents(server: Server) -> None:
    data = bytearray(zipped(class_folders()))
    data[60:80] = bytes(20)
    problem(adapt_zip(server.url, bytes(data)), 422, "archive-unreadable", field="archive")


def test_a_zip_without_images(server: Server) -> None:
    problem(adapt_zip(server.url, zipped({"a/b.txt": b"x"})), 422, "archive-layout", field="archive")


def test_a_zip_with_a_folder_that_holds_no_picture(server: Server) -> None:
    answer = adapt_zip(server.url, zipped(class_folders() | {"lost/words.txt": b"x"}))
    problem(answer, 422, "archive-layout", field="archive", filename="lost")


def test_a_zip_with_photos_in_a_format_not_taken(server: Server) -> None:
    answer = adapt_zip(server.url, zipped(class_folders() | {"alpha/photo.HEIC": b"x"}))
    problem(answer, 422, "image-unreadable", field="archive", filename="alpha/photo.HEIC")


def test_a_zip_with_a_name_twice(server: Server) -> None:
    buffer = io.BytesIO()
    first = next(iter(class_folders()))
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in class_folders().items():
            archive.writestr(name, data)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(first, b"")
    problem(adapt_zip(server.url, buffer.getvalue()), 422, "archive-layout", field="archive", filename=first)


def test_a_zip_whose_entry_begins_beyond_all_files(server: Server) -> None:
    data = bytearray(zipped(class_folders()))
    place = data.rindex(b"PK\x01\x02")
    name = struct.unpack_from("<H", data, place + 28)[0]
    beyond = struct.pack("<HHQ", 1, 8, 2**64 - 1)
    struct.pack_into("<H", data, place + 30, len(beyond))
    struct.pack_into("<I", data, place + 42, 0xFFFFFFFF)
    end = place + 46 + name
    data[end:end] = beyond
    tail = data.rindex(b"PK\x05\x06")
    struct.pack_into("<I", data, tail + 12, struct.unpack_from("<I", data, tail + 12)[0] + len(beyond))
    problem(adapt_zip(server.url, bytes(data)), 422, "archive-unreadable", field="archive")
