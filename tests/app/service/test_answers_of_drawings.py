"""What the shipped checkpoint of drawings says of itself, in a real server."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from kshot import Client
from kshot.types import AdaptAnswer
from tests.app.drawings import DRAWINGS, QUERY, SUPPORT, label
from tests.serving import Server

PHOTOS = sorted((DRAWINGS.parent / "photos" / "query").glob("*/*.jpg"))
OTHERS = sorted((DRAWINGS / "more").glob("*/*.png"))


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture(scope="module")
def model(client: Client) -> AdaptAnswer:
    return client.adapt([(label(path), path) for path in SUPPORT], checkpoint="omniglot")


def blank(grey: int) -> bytes:
    file = io.BytesIO()
    Image.new("L", (105, 105), grey).save(file, "PNG")
    return file.getvalue()


def known(client: Client, model: AdaptAnswer, images: list[Path] | list[bytes]) -> float:
    """The share that is taken for one of the classes."""
    found = [each.known for each in client.predict(model.id, images).predictions]
    assert None not in found
    return sum(map(bool, found)) / len(found)


def test_new_drawings_of_the_classes_are_known(client: Client, model: AdaptAnswer) -> None:
    assert known(client, model, QUERY) > 0.8


def test_other_symbols_photos_and_blank_pictures_are_not(client: Client, model: AdaptAnswer) -> None:
    assert known(client, model, OTHERS) < 0.35
    assert known(client, model, PHOTOS) < 0.1
    assert known(client, model, [blank(grey) for grey in (255, 250, 128, 0)]) == 0


def test_an_accuracy_is_expected_of_drawings_and_never_all_is_promised(model: AdaptAnswer) -> None:
    expected = model.validation
    assert expected is not None
    assert expected.low is not None
    assert expected.high is not None
    assert 0.8 < expected.low <= expected.accuracy <= 0.99 <= expected.high <= 1
    assert expected.of_classes.keys() == set(model.classes)
