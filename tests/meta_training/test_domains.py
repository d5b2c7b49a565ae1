"""A folder of domains becomes one more initialization of the shipped checkpoint."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from meta_training.errors import DataError
from meta_training.launch import launch_domains
from meta_training.presets import INITIALIZATIONS, OF_DOMAINS
from meta_training.training import Schedule
from models.checkpoint import SHIPPED, load_checkpoint

DATA = Path(__file__).parents[1] / "data"
CPU = torch.device("cpu")
MINE = replace(OF_DOMAINS, name="mine", initialization="mine", meta_steps=1, meta_batch=2, inner_steps=1)


@pytest.fixture
def domains(tmp_path: Path) -> Path:
    """Two domains: drawings and photos, three pictures a class."""
    for domain in ("drawings", "photos"):
        for source in (DATA / domain / "support").iterdir():
            own = tmp_path / "domains" / domain / source.name
            own.mkdir(parents=True)
            for picture in sorted(source.iterdir())[:3]:
                shutil.copy(picture, own)
    return tmp_path / "domains"


def test_a_folder_of_domains_becomes_an_initialization_beside_those_that_ship(domains: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    launch_domains([MINE], domains, out, Schedule(), device=CPU, resume=False)
    made, shipped = (load_checkpoint(path) for path in (out / "mine.safetensors", SHIPPED / "photo.safetensors"))
    assert made.mixture
    assert shipped.mixture
    assert made.mixture.names == (*shipped.mixture.names, "mine")
    assert int((made.mixture.owners == len(shipped.mixture.names)).sum()) == 30
    card = json.loads((out / "mine.json").read_text())
    assert card["domains"] == {"drawings": "terms unknown", "photos": "terms unknown"}
    assert card["runs"][0]["initialization"] == "mine"
    launch_domains([MINE], domains, out, Schedule(), device=CPU, resume=True)
    assert load_checkpoint(out / "mine.safetensors").digest == made.digest


def test_domains_that_are_missing_are_named_before_anything_is_encoded(domains: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no domain 'devanagari_handwritten'\. There are drawings, photos"):
        launch_domains(INITIALIZATIONS, domains, tmp_path / "run", Schedule(), device=CPU, resume=False)


def test_a_domain_of_one_class_is_refused(domains: Path, tmp_path: Path) -> None:
    for folder in sorted((domains / "photos").iterdir())[1:]:
        shutil.rmtree(folder)
    with pytest.raises(DataError, match=r"there are 1 \(photos/"):
        launch_domains([MINE], domains, tmp_path / "run", Schedule(), device=CPU, resume=False)


def test_class_folders_are_no_folder_of_domains(domains: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="class folders of one domain"):
        launch_domains([MINE], domains / "photos", tmp_path / "run", Schedule(), device=CPU, resume=False)
