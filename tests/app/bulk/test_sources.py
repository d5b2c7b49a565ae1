"""Whatever the pictures are in, the same files are read, in the same order at each call."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from obstore.store import S3Store

from app.bulk.errors import SourceUnreadable
from app.bulk.sources.opening import open_source
from tests.app.drawings import DRAWINGS, QUERY
from tests.s3 import BUCKET

QUERIES = DRAWINGS / "query"
FILES = {path.relative_to(QUERIES).as_posix(): path.read_bytes() for path in QUERY}
JUNK = {".hidden/1.png": b"x", "__MACOSX/1.png": b"x", "Thumbs.db": b"x"}
MOST = 10_000


def read(source: str | Path) -> list[tuple[str, bytes]]:
    """What a source gives, twice."""
    found = open_source(str(source), Path("said.csv"), 10)
    names = [(entry.path, entry.size) for entry in found.entries()]
    again = []
    for entry in found.entries():
        assert len(entry.read(10)) <= 11 or found.is_stream
        if not found.is_stream:
            again.append((entry.path, entry.read(MOST)))
    if found.is_stream:
        again = [(entry.path, entry.read(MOST)) for entry in found.entries()]
    assert [name for name, _ in names] == [name for name, _ in again]
    assert all(size in (None, len(data)) for (_, size), (_, data) in zip(names, again, strict=True))
    return again


def in_folder(folder: Path) -> str:
    for name, data in (FILES | JUNK).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return str(folder)


def in_glob(folder: Path) -> str:
    return f"{in_folder(folder)}/**/*.png"


def in_zip(folder: Path) -> str:
    with zipfile.ZipFile(folder / "in.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (FILES | JUNK).items():
            archive.writestr(name, data)
    return str(folder / "in.zip")


def in_tar(folder: Path, mode: str = "w") -> str:
    inside = folder / "inside"
    inside.mkdir()
    in_folder(inside)
    with tarfile.open(folder / "in.tar", mode) as archive:  # type: ignore[call-overload]
        for name in FILES | JUNK:
            archive.add(inside / name, name)
    return str(folder / "in.tar")


def in_compressed_tar(folder: Path) -> str:
    return in_tar(folder, "w:gz")


def in_list(folder: Path) -> str:
    in_folder(folder)
    listed = [f"{number},{name}" for number, name in enumerate(FILES)]
    (folder / "list.csv").write_text("\ufeff" + "\n".join(["number,path", *listed]), encoding="utf-8")
    return str(folder / "list.csv")


@pytest.mark.parametrize("pack", [in_folder, in_glob, in_zip, in_tar, in_compressed_tar, in_list])
def test_each_kind_of_source_gives_the_same_files(pack: Callable[[Path], str], tmp_path: Path) -> None:
    found = read(pack(tmp_path))
    prefix = f"{tmp_path}/" if pack is in_glob else ""
    assert found == [(prefix + name, data) for name, data in FILES.items()]


def test_a_bucket_is_a_source(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    bucket = S3Store.from_url(f"s3://{BUCKET}/pictures", client_options={"allow_http": True})
    for name, data in (FILES | JUNK).items():
        bucket.put(name, data)
    assert read(f"s3://{BUCKET}/pictures") == list(FILES.items())


def test_the_results_are_none_of_a_folders_files(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"x")
    (tmp_path / "said.csv").write_bytes(b"x")
    found = open_source(str(tmp_path), tmp_path / "said.csv", 10)
    assert [entry.path for entry in found.entries()] == ["1.png"]


def test_a_tar_that_breaks_off_is_not_taken_for_a_shorter_one(tmp_path: Path) -> None:
    whole = Path(in_tar(tmp_path)).read_bytes()
    half = tmp_path / "half.tar"
    half.write_bytes(whole[: len(whole) // 2 - 700])
    with pytest.raises(SourceUnreadable, match="breaks off or is damaged"):
        read(half)


def test_a_list_without_paths_says_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("name,label\n1,2\n")
    with pytest.raises(SourceUnreadable, match=r"its columns are name, label\. Call the one of their paths `path`"):
        read(tmp_path / "list.csv")
