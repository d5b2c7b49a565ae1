"""Reading class folders, zips and tars, and splitting them."""

from __future__ import annotations

import io
import json
import os
import posixpath
import re
import shutil
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from meta_training.data.image_classes import read_classes
from meta_training.data.omniglot import PARTS, is_omniglot
from meta_training.data.splits import read_split, split
from meta_training.errors import DataError
from meta_training.presets import PRESETS
from models.checkpoint import SHIPPED
from models.inputs.image import ImageInput

SPEC = ImageInput(channels=1, size=28)
DATA = Path(os.environ.get("KSHOT_DATA", "../shared/data"))
OMNIGLOT = [
    file for part in PARTS for file in (DATA / f"{part}.zip", DATA / "omniglot" / f"{part}.zip") if file.is_file()
]
MINI_IMAGENET = DATA / "miniimagenet-subset.tar"


def test_a_folder_and_its_zip_hold_the_same_classes(drawings: Path, tmp_path: Path) -> None:
    archive = tmp_path / "drawings.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((drawings / "support").rglob("*.png")):
            file.write(path, path.relative_to(drawings))
        file.writestr("__MACOSX/support/a/._1.png", b"not an image")
    folder, packed = read_classes([drawings / "support"], SPEC), read_classes([archive], SPEC)
    assert folder.names == packed.names
    assert folder.names == ("angelic_18", "greek_21", "hebrew_21", "hiragana_15", "korean_29")
    assert all(np.array_equal(a, b) for a, b in zip(folder.images, packed.images, strict=True))


def test_a_class_has_the_same_name_however_its_source_is_spelled(
    drawings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read_split(_symbols(drawings, tmp_path), SPEC)
    for place, spelled in ((tmp_path / "symbols", "."), (tmp_path, "symbols"), (tmp_path / "symbols" / "x", "..")):
        place.mkdir(exist_ok=True)
        monkeypatch.chdir(place)
        again = read_split(Path(spelled), SPEC)
        assert again.source == "symbols"
        assert again.test.names == whole.test.names
        assert again.validation.names == whole.validation.names
    (tmp_path / "symbols" / "x").rmdir()
    for root in (tmp_path, tmp_path / "symbols"):
        archive = shutil.make_archive(str(tmp_path / "packed"), "zip", root, "symbols" if root == tmp_path else ".")
        assert read_split(Path(archive), SPEC).test.names == whole.test.names


def _symbols(drawings: Path, tmp_path: Path) -> Path:
    """Eight classes."""
    for part in ("support", "more"):
        shutil.copytree(drawings / part, tmp_path / "symbols", dirs_exist_ok=True)
    return tmp_path / "symbols"


def test_what_is_no_picture_of_a_class_does_no_harm(drawings: Path, tmp_path: Path) -> None:
    symbols = _symbols(drawings, tmp_path)
    names = read_classes([symbols], SPEC).names
    (symbols / "greek_21" / "._1.png").write_bytes(b"macOS")
    (symbols / ".cache").mkdir()
    (symbols / ".cache" / "1.png").write_bytes(b"hidden")
    (symbols / "greek_21" / "folder.png").mkdir()
    assert read_classes([symbols], SPEC).names == names


def test_what_cannot_be_read_and_is_no_picture_by_name_is_left_out_with_a_word(
    drawings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "set"), "zip", drawings / "query"))
    names = read_classes([archive], SPEC).names
    with zipfile.ZipFile(archive, "a") as file:
        file.writestr(f"{names[0]}/notes", b"hello")
    content = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.rindex(signature) + flags] |= 1  # it is encrypted
    archive.write_bytes(content)
    assert read_classes([archive], SPEC).names == names
    assert "notes cannot be read (" in capsys.readouterr().err


def test_a_picture_beside_the_class_folders_is_refused(drawings: Path, tmp_path: Path) -> None:
    symbols = _symbols(drawings, tmp_path)
    shutil.copy(symbols / "greek_21" / "1.png", symbols / "stray.png")
    with pytest.raises(DataError, match=r"symbols/stray\.png lies beside the class folders"):
        read_classes([symbols], SPEC)


def _too_large() -> bytes:
    """A PNG whose header promises 400 megapixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize("content", [b"\x89PNG no more", b"", _too_large()], ids=["broken", "empty", "too large"])
def test_a_bad_image_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"a/bad\.png is not an image"):
        read_classes([tmp_path], SPEC)


def test_an_encrypted_zip_is_said(drawings: Path, tmp_path: Path) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "secret"), "zip", drawings / "query"))
    content = bytearray(archive.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for found in re.finditer(re.escape(signature), bytes(content)):
            content[found.start() + flags] |= 1
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"6\.png cannot be read .*encrypted"):
        read_classes([archive], SPEC)


def test_no_images_and_no_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No images found"):
        read_classes([tmp_path], SPEC)
    with pytest.raises(DataError, match="does not exist"):
        read_split(tmp_path / "nowhere", SPEC)


def _miniature(drawings: Path, root: Path, **parts: list[str]) -> Path:
    """A folder in Mini-ImageNet's layout, of drawings."""
    for part, names in parts.items():
        for name in names:
            shutil.copytree(_symbols(drawings, root) / name, root / "miniature" / part / name)
    return root / "miniature"


TRAIN = ["angelic_18", "greek_21", "hebrew_21"]


def test_folders_train_val_and_test_are_the_split_packed_or_not(drawings: Path, tmp_path: Path) -> None:
    folder = _miniature(drawings, tmp_path, train=TRAIN, val=["braille_17"], test=["korean_29", "hiragana_15"])
    sources = [folder]
    for kind in ("zip", "tar"):
        for number, root in enumerate((tmp_path, folder)):
            base = folder.name if root == tmp_path else "."
            sources.append(Path(shutil.make_archive(str(tmp_path / f"{kind}{number}"), kind, root, base)))
    whole = [read_split(source, SPEC) for source in sources]
    for found in whole:
        assert found.training.names == tuple(f"train/{name}" for name in TRAIN)
        assert found.validation.names == ("val/braille_17",)
        assert found.test.names == ("test/hiragana_15", "test/korean_29")
        assert np.array_equal(found.test.images[1], whole[0].test.images[1])
    together = read_split(folder, SPEC, validation=False)
    assert together.training.names == (*whole[0].training.names, "val/braille_17")
    assert len(together.validation) == 0
    assert together.test.names == whole[0].test.names


def test_a_split_without_one_of_its_folders_is_refused(drawings: Path, tmp_path: Path) -> None:
    folder = _miniature(drawings, tmp_path, train=TRAIN, test=["korean_29"])
    with pytest.raises(DataError, match=r"no images in val\. For Mini-ImageNet, download"):
        read_split(folder, SPEC)


def test_a_split_of_images_not_of_classes_is_refused(drawings: Path, tmp_path: Path) -> None:
    folder = _miniature(drawings, tmp_path, train=TRAIN, val=["braille_17"], test=TRAIN[:1])
    with pytest.raises(DataError, match="has class 'angelic_18' in 2 of its folders train, val, test"):
        read_split(folder, SPEC)


def _tar(path: Path, *members: tuple[str, bytes, bytes]) -> Path:
    """A tar of (name, type, content)."""
    with tarfile.open(path, "w") as file:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            file.addfile(member, io.BytesIO(content))
    return path


def test_links_and_devices_of_a_tar_are_not_read(drawings: Path, tmp_path: Path) -> None:
    image = (drawings / "support" / "greek_21" / "1.png").read_bytes()
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE)
    odd = [(f"a/{number}.png", kind, b"") for number, kind in enumerate(kinds)]
    archive = _tar(tmp_path / "odd.tar", *odd, ("a/whole.png", tarfile.REGTYPE, image))
    classes = read_classes([archive], SPEC)
    assert classes.names == ("a",)
    assert len(classes.images[0]) == 1


def test_a_hole_of_a_terabyte_in_a_tar_is_not_read(drawings: Path, tmp_path: Path) -> None:
    archive = tmp_path / "hole.tar"
    shape = {"major": "1", "minor": "0", "name": "a/hole.png", "realsize": str(10**12)}
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as file:
        hole = tarfile.TarInfo("a/hole.png")
        hole.size, hole.pax_headers = 512, {f"GNU.sparse.{key}": value for key, value in shape.items()}
        file.addfile(hole, io.BytesIO(b"0\n".ljust(512, b"\0")))
        file.add(drawings / "support" / "greek_21" / "1.png", "a/1.png")
    with tarfile.open(archive) as file:
        assert file.getmembers()[0].size == 10**12
    assert len(read_classes([archive], SPEC).images[0]) == 1


def test_a_tar_that_is_cut_compressed_or_none_is_said(drawings: Path, tmp_path: Path) -> None:
    whole = Path(shutil.make_archive(str(tmp_path / "whole"), "tar", drawings / "support"))
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2 + 100])
    with pytest.raises(DataError, match=r"cut\.tar is a damaged tar archive \(it is cut short\)\. Replace"):
        read_classes([cut], SPEC)
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", drawings / "support"))
    none = tmp_path / "none.tar"
    none.write_bytes(b"no tar " * 1000)
    for source in (packed, none):
        with pytest.raises(DataError, match=r"is no folder, zip or tar\. Unpack"):
            read_classes([source], SPEC)


@pytest.mark.skipif(not MINI_IMAGENET.exists(), reason="needs miniimagenet-subset.tar in KSHOT_DATA")
def test_mini_imagenets_split_is_64_16_and_20_classes_at_84_pixels() -> None:
    found = read_split(MINI_IMAGENET, PRESETS["miniimagenet-5way"].input)
    assert [len(part) for part in (found.training, found.validation, found.test)] == [64, 16, 20]
    assert found.training.names[0] == "train/n01532829"
    assert all(images.shape[1:] == (3, 84, 84) for images in found.training.images)


def test_half_of_omniglot_is_not_omniglot(tmp_path: Path) -> None:
    (tmp_path / "images_background").mkdir()
    with pytest.raises(DataError, match=r"images_evaluation is missing .* Download"):
        read_split(tmp_path, SPEC)


def test_a_split_is_disjoint_complete_and_the_same_each_time(drawings: Path) -> None:
    classes = read_classes([drawings / part for part in ("support", "query", "more")], SPEC).with_rotations()
    parts = split(classes, 6, 3, seed=1)
    names = [name for part in parts for name in part.names]
    assert sorted(names) == sorted(classes.names)
    assert [part.names for part in split(classes, 6, 3, seed=1)] == [part.names for part in parts]
    assert [part.names for part in split(classes, 6, 3, seed=2)] != [part.names for part in parts]


def test_too_few_classes_to_split_are_refused(drawings: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        read_split(drawings / "query", SPEC)


def with_one_drawing_each(whole: Path, part: Path) -> None:
    """Write a zip with one drawing of each character: all 32,460 take ten seconds to decode."""
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(part, "w") as target:
        drawings = (name for name in source.namelist() if name.endswith(".png"))
        one = {posixpath.dirname(name): name for name in drawings}
        for name in one.values():
            target.writestr(name, source.read(name))


@pytest.mark.skipif(not is_omniglot(DATA), reason="needs Omniglot: name its folder by KSHOT_DATA")
def test_omniglots_held_out_characters_are_those_of_the_shipped_card(tmp_path: Path) -> None:
    for whole in OMNIGLOT:
        with_one_drawing_each(whole, tmp_path / whole.name)
    omniglot = read_split(tmp_path if OMNIGLOT else DATA, SPEC)  # else it is unpacked already
    card = json.loads((SHIPPED / "omniglot.json").read_text())
    assert len(omniglot.training) == 4 * 1100
    assert list(omniglot.validation.names) == card["data"]["validation_classes"]
    assert list(omniglot.test.names) == card["data"]["test_classes"]
    assert len(omniglot.test) == 423
    trained = {name.split("@")[0] for name in omniglot.training.names}
    assert not trained & {*omniglot.validation.names, *omniglot.test.names}
