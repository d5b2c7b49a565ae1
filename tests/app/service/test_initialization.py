"""Where a model starts: told by its pictures, chosen by the request, and said in the answer."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from kshot import APIError, Client
from tests.models.initializations.mixtures import build, examples
from tests.serving import Server


def picture(color: int, number: int) -> bytes:
    buffer = io.BytesIO()
    pixels = (255 * examples(color, number + 1)[number]).clamp(0, 255).byte().numpy()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


REDS = [(label, picture(0, number)) for number, label in enumerate("abab")]
GREENS = [(label, picture(1, number)) for number, label in enumerate("ab")]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("colours")
    build(folder / "two.safetensors", serves=("sha256:" + "0" * 64,))
    server = Server(folder, checkpoints=folder, checkpoint="two")
    server.start()
    with Client(server.url) as client:
        yield client
    server.stop()


def test_the_pictures_decide_and_the_answer_says_so(client: Client) -> None:
    (about,) = client.checkpoints()
    assert about.initializations == ["imagenet", "red", "green"]
    made = client.adapt(GREENS)
    assert made.initialization == {"imagenet": 0, "red": 0, "green": 1}
    assert client.model(made.id).initialization == made.initialization


@pytest.mark.parametrize(
    ("chosen", "shares"),
    [
        ("red", {"imagenet": 0, "red": 1, "green": 0}),
        ("red=0.5, green=.25", {"imagenet": 0.25, "red": 0.5, "green": 0.25}),
        ("imagenet", {"imagenet": 1, "red": 0, "green": 0}),
    ],
)
def test_a_request_chooses_and_its_versions_keep_the_choice(
    client: Client, chosen: str, shares: dict[str, float]
) -> None:
    made = client.adapt(GREENS, initialization=chosen)
    assert made.initialization == shares
    assert client.revise(made.id, add=GREENS).initialization == shares


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("blue", "There is no initialization 'blue'. There are imagenet, red, green."),
        ("red=much", "whose share is no number"),
        ("red=0.8,green=0.8", "1 at most"),
        ("red=nan", "0 or more"),
        ("red=0.1,red=0.5", "names 'red' twice"),
    ],
)
def test_what_cannot_be_chosen_is_refused_by_name(client: Client, chosen: str, said: str) -> None:
    with pytest.raises(APIError, match=said) as caught:
        client.adapt(REDS, initialization=chosen)
    assert caught.value.problem.type == "/problems/initialization-unsuitable"


def test_a_checkpoint_of_one_initialization_says_that_there_is_nothing_to_choose(
    server: Server, drawings: Path
) -> None:
    with Client(server.url) as client, pytest.raises(APIError, match="has one initialization"):
        client.adapt(drawings / "support", initialization="glyphs")
