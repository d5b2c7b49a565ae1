"""The shipped `photo` checkpoint in a real server, with real photographs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image
from safetensors.torch import load_file

from kshot import AdaptAnswer, Client
from tests.app.drawings import DRAWINGS
from tests.pictures import TURNED, encoded
from tests.profiles import in_format
from tests.serving import Server

PHOTOS = Path(__file__).parents[2] / "data" / "photos"
SUPPORT, QUERY = (sorted((PHOTOS / part).glob("*/*.jpg")) for part in ("support", "query"))
RECORDS = Path(__file__).parents[2] / "data" / "records" / "version-1"
BEFORE = "sha256:af0a92ee4e9f06f54e77d316863153255684526e3deb93eb7266a177f4c0285d"
SURE = 6  # a query far from being taken for another class
LARGEST = 2_000_000  # bytes of an adapted model


@pytest.fixture(scope="module")
def client(shipped: Server) -> Iterator[Client]:
    with Client(shipped.url) as client:
        yield client


@pytest.fixture(scope="module")
def adapted(client: Client) -> AdaptAnswer:
    return client.adapt(pairs(SUPPORT))


def pairs(paths: list[Path]) -> list[tuple[str, Path]]:
    return [(path.parent.name, path) for path in paths]


def test_photos_become_a_classifier_that_says_what_to_expect_of_it(client: Client, shipped: Server) -> None:
    model = client.adapt(pairs(SUPPORT))
    answer = client.predict(model.id, QUERY)
    right = [said.label == path.parent.name for said, path in zip(answer.predictions, QUERY, strict=True)]
    assert model.checkpoint.name == "photo"
    assert model.steps == 5
    assert model.loss_curve[-1] < model.loss_curve[0] / 2
    assert sum(right) >= 12
    assert model.validation is not None
    assert abs(model.validation.accuracy - sum(right) / 15) < 0.2
    points = model.validation.operating_points
    assert [point.min_score for point in points] == [0.5, 0.6, 0.7, 0.8, 0.9, 0.95]
    assert 1 >= points[0].answered >= points[3].answered >= points[-1].answered
    sure = sum(said.score >= 0.8 for said in answer.predictions)
    assert abs(points[3].answered - sure / 15) < 0.25
    assert sum(said.known is True for said in answer.predictions) >= 12
    assert (shipped.store / f"{model.id}.safetensors").stat().st_size < LARGEST


def test_pictures_of_another_kind_are_not_known(client: Client) -> None:
    model = client.adapt(pairs(SUPPORT))
    answer = client.predict(model.id, sorted(DRAWINGS.glob("query/*/*.png")))
    assert not any(said.known for said in answer.predictions)


def test_a_photo_with_a_wrong_label_is_pointed_out_and_keeps_its_name(client: Client, adapted: AdaptAnswer) -> None:
    assert adapted.validation
    assert adapted.validation.doubtful == []
    labelled = pairs(SUPPORT)
    wrong = next(place for place, (label, _) in enumerate(labelled) if label == "hat")
    labelled[wrong] = ("shoes", labelled[wrong][1])
    model = client.adapt(labelled)
    assert model.validation
    (doubt,) = model.validation.doubtful
    assert (doubt.index, doubt.label, doubt.taken_for) == (wrong, "shoes", "hat")
    renamed = client.rename(model.id, classes={"hat": "cap", "shoes": "boots"})
    assert renamed.validation
    assert [(each.label, each.taken_for) for each in renamed.validation.doubtful] == [("boots", "cap")]


@pytest.mark.parametrize("kind", ["HEIC", "AVIF", "TIFF", "JPEG in P3", "JPEG in CMYK"])
def test_a_photo_is_classified_alike_in_every_format(client: Client, adapted: AdaptAnswer, kind: str) -> None:
    photo = Image.open(QUERY[SURE]).convert("RGB")
    files = [encoded(photo, "PNG")]
    files += [in_format(photo, kind, orientation) for orientation in TURNED]
    plain, *others = client.predict(adapted.id, files).predictions
    for other in others:
        assert (other.label, other.known) == (plain.label, plain.known)
        assert other.score == pytest.approx(plain.score, abs=0.05)
    assert plain.score > 0.9


def test_one_photo_a_class_takes_no_steps_and_promises_nothing(client: Client) -> None:
    model = client.adapt(pairs(SUPPORT[::5]))
    assert (model.steps, model.validation) == (0, None)
    assert client.adapt(pairs(SUPPORT[::5]), steps=2).steps == 2


def test_photos_that_are_classified_together_help_one_another(client: Client) -> None:
    model = client.adapt(pairs(SUPPORT[::5]))
    new = [path for path in SUPPORT if path not in SUPPORT[::5]] + QUERY
    alone, together = (client.predict(model.id, new, transductive=choice) for choice in (False, True))
    assert (alone.transductive, together.transductive) == (False, True)
    ours, theirs = (
        sum(said.label == path.parent.name for said, path in zip(answer.predictions, new, strict=True))
        for answer in (together, alone)
    )
    assert ours > theirs
    single = client.predict(model.id, new[:1], transductive=True).predictions[0]
    assert single.score == pytest.approx(alone.predictions[0].score, abs=1e-4)


def test_order_and_company_of_photos_change_nothing(client: Client) -> None:
    few = pairs([path for path in SUPPORT if path.stem in "123"])
    first, second = client.adapt(few), client.adapt(few[::-1])
    alone = [client.predict(model.id, [query]).predictions[0] for model in (first, second) for query in QUERY[:3]]
    together = client.predict(first.id, QUERY).predictions[:3]
    for said, other, among in zip(alone[:3], alone[3:], together, strict=True):
        scores = [{each.label: each.score for each in one.top} for one in (said, other, among)]
        for label, score in scores[0].items():
            assert scores[1][label] == pytest.approx(score, abs=0.01)
            assert scores[2][label] == pytest.approx(score, abs=1e-4)


def test_a_version_of_photos_is_the_model_of_them_all(client: Client, shipped: Server) -> None:
    scratch, parent = client.adapt(pairs(SUPPORT)), client.adapt(pairs(SUPPORT[:-1]))
    child = client.revise(parent.id, pairs(SUPPORT[-1:]))
    ours, theirs = (load_file(shipped.store / f"{model.id}.safetensors") for model in (child, scratch))
    assert child.loss_curve == pytest.approx(scratch.loss_curve, abs=1e-5)
    for name, tensor in ours.items():
        assert (tensor.float() - theirs[name].float()).abs().max() <= 1e-3 * max(1, theirs[name].float().abs().max())


def test_all_shipped_checkpoints_are_offered_and_photo_is_the_default(shipped: Server) -> None:
    found = httpx.get(f"{shipped.url}/checkpoints").json()["checkpoints"]
    assert {each["name"]: each["default"] for each in found} == {
        "photo": True,
        "omniglot": False,
        "sine": False,
        "text": False,
    }


def test_pictures_start_at_the_initialization_of_their_kind(client: Client) -> None:
    (photo,) = (each for each in client.checkpoints() if each.name == "photo")
    assert photo.initializations == ["imagenet", "glyphs", "graphics", "photographs"]
    drawn = client.adapt([(path.parent.name, path) for path in sorted(DRAWINGS.glob("support/*/1.png"))])
    assert drawn.initialization["glyphs"] + drawn.initialization["graphics"] > 0.9
    assert client.adapt(pairs(SUPPORT[::5])).initialization["glyphs"] < 0.3
    plain = client.adapt(pairs(SUPPORT), initialization="imagenet")
    assert plain.initialization["imagenet"] == 1


def test_models_of_the_checkpoint_before_the_mixture_go_on(client: Client, shipped: Server) -> None:
    for folder in (RECORDS, RECORDS / "records"):
        for path in folder.glob("*.*"):
            shutil.copyfile(path, shipped.store / path.relative_to(RECORDS))
    (old,) = (model for model in client.models() if model.name == "photos")
    (photo,) = (each for each in client.checkpoints() if each.name == "photo")
    assert old.checkpoint.digest == BEFORE != photo.digest
    labels = {said.label for said in client.predict(old.id, QUERY[:1]).predictions}
    assert labels <= set(old.classes)
    assert client.export(old.id, "onnx")
    version = client.revise(old.id, remove=[0])
    assert version.checkpoint.digest == photo.digest
    assert sum(version.initialization.values()) == pytest.approx(1, abs=0.01)
