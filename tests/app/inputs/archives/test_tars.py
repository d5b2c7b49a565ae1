"""A tar is read as a zip is, within the same bounds."""

from __future__ import annotations

import gzip
import io
import tarfile

import pytest

from app.errors import ArchiveLayout, ArchiveTooLarge, ArchiveUnreadable
from tests.app.inputs.archives.packed import PNG, read, tar_of, unpack

FILES = {f"{label}/{number}.png": PNG + bytes([number]) for label in ("hat", "shoe") for number in range(3)}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
def test_every_common_form_is_read(mode: str, form: int) -> None:
    support, images = unpack(tar_of({f"wrapper/{name}": data for name, data in FILES.items()}, mode, form))
    assert support.shots == {"hat": 3, "shoe": 3}
    assert images == list(FILES.values())


def test_pictures_come_in_the_tars_order_and_classes_sorted() -> None:
    support, images = unpack(tar_of({"b/2.png": b"3", "a/9.png": b"2", "b/1.png": b"1"}, "w:gz"))
    assert support.classes == ["a", "b"]
    assert (images, support.labels) == ([b"3", b"2", b"1"], [1, 0, 1])


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_in_any_script_are_read(form: int) -> None:
    label = "長い名前" * 15
    assert read(tar_of({f"{label}/1.png": PNG, "b/1.png": PNG}, form=form)).classes == ["b", label]


def test_names_in_a_code_page_are_told() -> None:
    names = ["ソックス", "ソファ", "帽子"]
    assert read(tar_of({f"{name}/1.png": PNG for name in names}, encoding="cp932")).classes == names


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_left_out_by_name(kind: bytes) -> None:
    buffer = io.BytesIO(tar_of(FILES))
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        link = tarfile.TarInfo("hat/link.png")
        link.type, link.linkname = kind, "/etc/passwd"
        tar.addfile(link)
    support = read(buffer.getvalue())
    assert [each.filename for each in support.left_out] == ["hat/link.png"]
    assert support.shots == {"hat": 3, "shoe": 3}


def test_the_bytes_that_are_unpacked_are_bounded() -> None:
    bomb = tar_of({**FILES, "hat/bomb.png": bytes(50_000_000)}, "w:gz")
    with pytest.raises(ArchiveTooLarge, match=r"With hat/bomb\.png the archive unpacks to") as caught:
        read(bomb)
    assert caught.value.members["filename"] == "hat/bomb.png"
    with pytest.raises(ArchiveTooLarge):
        read(bomb, max_archive_ratio=10_000, max_archive_bytes=2_000_000)


def test_no_more_of_an_image_is_read_than_an_image_may_have() -> None:
    assert [
        len(image) for image in unpack(tar_of({"a/1.png": bytes(900), "b/1.png": b""}), max_image_bytes=100)[1]
    ] == [101, 0]


def test_entries_are_bounded() -> None:
    with pytest.raises(ArchiveTooLarge, match="entries"):
        read(tar_of(FILES), max_archive_entries=5)


def test_a_tar_that_breaks_off_is_an_error_and_loses_no_class() -> None:
    whole = tar_of(FILES)
    packed = gzip.compress(whole)
    for cut in [*(whole[:size] for size in range(512, 512 * 12, 256)), packed[:-9], packed[: len(packed) // 2]]:
        with pytest.raises(ArchiveUnreadable):
            read(cut)


def test_headers_of_any_length_are_not_read() -> None:
    with pytest.raises(ArchiveUnreadable, match="too long"):
        read(tar_of({"x" * 100_000: PNG, **FILES}))


def test_a_file_twice_is_an_error() -> None:
    buffer = io.BytesIO(tar_of(FILES))
    with tarfile.open(fileobj=buffer, mode="a") as tar:
        tar.addfile(tarfile.TarInfo("hat/0.png"))
    with pytest.raises(ArchiveLayout, match="in it twice"):
        read(buffer.getvalue())


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"Rar!\x1a\x07\x01\0", "RAR"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (tar_of(FILES, "w:xz"), "xz"),
        (PNG, r"a picture \(PNG\)"),
        (b"GIF89a", r"a picture \(GIF\)"),
        (b"\0\0\0\x18ftypheic", r"a picture \(HEIC\)"),
        (b"%PDF-1.7", "a PDF"),
    ],
)
def test_other_formats_are_refused_by_name(data: bytes, kind: str) -> None:
    with pytest.raises(ArchiveUnreadable, match=f"{kind}.*Send a zip, a tar or a tar.gz"):
        read(data)
