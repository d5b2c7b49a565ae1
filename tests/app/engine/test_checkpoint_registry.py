"""The checkpoints of a folder: found, loaded, named by requests, and matched to the models made from them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.engine.checkpoint_registry import CheckpointRegistry
from app.errors import CheckpointMismatch, CheckpointUnknown
from models.checkpoint import SHIPPED
from models.errors import CheckpointError

MODEL_ID = "0" * 32


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> CheckpointRegistry:
    folder = tmp_path_factory.mktemp("checkpoints")
    shutil.copy(SHIPPED / "omniglot.safetensors", folder)
    registry = CheckpointRegistry(folder, "omniglot", device="cpu", threads=1)
    registry.load()
    return registry


def test_a_default_that_is_not_in_the_folder_is_an_error_that_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no photo\.safetensors in .* no checkpoint"):
        CheckpointRegistry(tmp_path, "photo").find()


def test_nothing_can_be_named_before_it_is_loaded() -> None:
    with pytest.raises(CheckpointUnknown):
        CheckpointRegistry(SHIPPED, "omniglot").named(None)


def test_a_request_that_names_none_gets_the_default(registry: CheckpointRegistry) -> None:
    assert registry.named(None) == registry.named("omniglot")
    assert registry.named(None)[0] == "omniglot"


def test_an_unknown_name_is_refused_with_those_there_are(registry: CheckpointRegistry) -> None:
    with pytest.raises(CheckpointUnknown, match="has: omniglot") as refused:
        registry.named("Omniglot")
    assert refused.value.members["available"] == ["omniglot"]


def test_a_model_has_the_checkpoint_of_its_name_and_digest_or_none(registry: CheckpointRegistry) -> None:
    checkpoint = registry.learners["omniglot"].checkpoint
    assert registry.matching(MODEL_ID, "omniglot", checkpoint.digest) is checkpoint
    for name, digest in (("omniglot", "sha256:0"), ("photo", checkpoint.digest)):
        with pytest.raises(CheckpointMismatch, match=f"{MODEL_ID} was adapted from checkpoint '{name}'"):
            registry.matching(MODEL_ID, name, digest)
