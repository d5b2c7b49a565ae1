"""Reading class folders and zips, and splitting them."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from meta_training.datasets import read_classes
from meta_training.errors import DataError
from meta_training.omniglot import is_omniglot
from meta_training.splits import read_split, split
from models.checkpoint import SHIPPED
from models.preprocess import InputSpec

SPEC = InputSpec(channels=1, size=28)
DATA = Path(os.environ.get("KSHOT_DATA", "../shared/data"))


def test_a_folder_and_its_zip_hold_the_same_classes(drawings: Path, tmp_path: Path) -> None:
    archive = tmp_path / "drawings.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted((drawings / "support").rglob("*.png")):
            file.write(path, path.relative_to(drawings))
        file.writestr("__MACOSX/support/a/._1.png", b"not an image")
    folder, packed = read_classes([drawings / "support"], SPEC), read_classes([archive], SPEC)
    assert folder.names == packed.names
    assert len(folder) == 5
    assert all(np.array_equal(a, b) for a, b in zip(folder.images, packed.images, strict=True))


def test_a_broken_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "broken.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(DataError, match=r"a/broken\.png is not an image"):
        read_classes([tmp_path], SPEC)


def test_no_images_and_no_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No images found"):
        read_classes([tmp_path], SPEC)
    with pytest.raises(DataError, match="does not exist"):
        read_split(tmp_path / "nowhere", SPEC)


def test_half_of_omniglot_is_not_omniglot(tmp_path: Path) -> None:
    (tmp_path / "images_background").mkdir()
    with pytest.raises(DataError, match=r"images_evaluation is missing .* Download"):
        read_split(tmp_path, SPEC)


def test_a_split_is_disjoint_complete_and_the_same_each_time(drawings: Path) -> None:
    classes = read_classes([drawings / part for part in ("support", "query", "more")], SPEC)
    parts = split(classes, 6, 3, seed=1)
    names = [name for part in parts for name in part.names]
    assert sorted(names) == sorted(classes.names)
    assert [part.names for part in split(classes, 6, 3, seed=1)] == [part.names for part in parts]
    assert [part.names for part in split(classes, 6, 3, seed=2)] != [part.names for part in parts]


def test_too_few_classes_to_split_are_refused(drawings: Path) -> None:
    with pytest.raises(DataError, match="too few"):
        read_split(drawings / "query", SPEC)


@pytest.mark.skipif(not is_omniglot(DATA), reason="needs Omniglot: name its folder by KSHOT_DATA")
def test_omniglots_held_out_characters_are_those_of_the_shipped_card() -> None:
    omniglot = read_split(DATA, SPEC)
    card = json.loads((SHIPPED / "omniglot.json").read_text())
    assert len(omniglot.training) == 4 * 1100
    assert list(omniglot.validation.names) == card["data"]["validation_classes"]
    assert list(omniglot.test.names) == card["data"]["test_classes"]
    assert len(omniglot.test) == 423
    trained = {name.split("@")[0] for name in omniglot.training.names}
    assert not trained & {*omniglot.validation.names, *omniglot.test.names}
