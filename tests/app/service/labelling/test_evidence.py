"""Where pictures show their labels."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from PIL import Image

from kshot import Client
from kshot.predictions import Evidence, Prediction
from models.inputs.covering import PLACES
from tests.app.drawings import FOLDER, QUERY
from tests.app.refusals import problem
from tests.pictures import encoded
from tests.serving import Server

SIDE = 28  # as the checkpoint has drawings
PLACE = SIDE // PLACES


@pytest.fixture(scope="module")
def model_id(server: Server) -> str:
    with Client(server.url) as client:
        return client.adapt(FOLDER, steps=0).id


def drawing() -> Image.Image:
    with Image.open(QUERY[0]) as large:
        return large.convert("L").resize((SIDE, SIDE))


def odds(prediction: Prediction, label: str) -> float:
    (score,) = (each.score for each in prediction.top if each.label == label)
    return math.log(score / (1 - score))


def of(prediction: Prediction) -> Evidence:
    assert prediction.evidence
    return prediction.evidence


def test_a_place_says_by_how_much_the_odds_fall_if_it_is_covered(client: Client, model_id: str) -> None:
    (whole,) = client.predict(model_id, [encoded(drawing(), "PNG")], evidence=True).predictions
    places = of(whole).places
    assert [len(row) for row in places] == [PLACES] * PLACES
    most, row, column = max((each, row, column) for row, line in enumerate(places) for column, each in enumerate(line))
    covered = drawing()
    covered.paste(255, (column * PLACE, row * PLACE, (column + 1) * PLACE, (row + 1) * PLACE))
    (rest,) = client.predict(model_id, [encoded(covered, "PNG")]).predictions
    assert most > 0.1
    assert odds(whole, whole.label) - odds(rest, whole.label) == pytest.approx(most, abs=0.01)


def test_the_overlay_tints_the_picture(client: Client, model_id: str) -> None:
    (found,) = client.predict(model_id, [QUERY[0]], evidence=True).predictions
    with Image.open(io.BytesIO(of(found).picture)) as overlay:
        assert (overlay.format, overlay.mode, overlay.size) == ("PNG", "RGB", (224, 224))
        red, _, blue = overlay.split()
    assert red.tobytes() != blue.tobytes()


def test_it_changes_no_answer_and_comes_only_if_asked_for(client: Client, model_id: str) -> None:
    plain = client.predict(model_id, QUERY[:2])
    shown = client.predict(model_id, QUERY[:2], evidence=True)
    assert [each.evidence for each in plain.predictions] == [None, None]
    assert [each.model_copy(update={"evidence": None}) for each in shown.predictions] == plain.predictions
    assert shown.timings_ms.evidence > 0


def test_more_images_than_it_is_given_of_are_refused(server: Server, model_id: str) -> None:
    files = [("images", (f"{number}.png", QUERY[0].read_bytes())) for number in range(21)]
    answer = httpx.post(f"{server.url}/predict", data={"model_id": model_id, "evidence": "true"}, files=files)
    assert "20 at most" in problem(answer, 413, "too-many-images", field="evidence")["detail"]


def test_the_command_line_writes_pictures(server: Server, model_id: str, tmp_path: Path) -> None:
    kshot = Path(sys.executable).parent / "kshot"
    command = [kshot, "predict", model_id, *QUERY[:2], "--evidence", tmp_path / "where", "--url", server.url]
    subprocess.run(command, env=os.environ, capture_output=True, check=True)
    assert len(list((tmp_path / "where").glob("*.png"))) == 2
