"""A model in the shared server's store, and jobs by it in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from app.bulk.decoding import EntryDecoder
from app.bulk.in_process import InProcess
from app.bulk.models import open_model
from app.bulk.predict import Done, Listing, Output, Progress, predict
from app.bulk.sources.opening import open_source
from app.settings import Settings
from tests.app.drawings import adapt
from tests.serving import Server

Job: TypeAlias = Callable[..., Done]


class Quiet:
    """Follows nothing."""

    def listed(self, files: int) -> None: ...

    def begin(self, files: int, done: int) -> None: ...

    def advance(self, files: int) -> None: ...


@pytest.fixture(scope="session")
def model_id(server: Server) -> str:
    return str(adapt(server.url, name="bulk").json()["id"])


@pytest.fixture
def job(server: Server, model_id: str) -> Job:
    """Predict a source's files to a path, as the command does."""
    settings = Settings(store=str(server.store))

    def run(
        source: Path | str,
        out: Path,
        *,
        model: str = model_id,
        progress: Progress | None = None,
        scores: bool = False,
        overwrite: bool = False,
    ) -> Done:
        output = Output(out, scores, overwrite)
        output.prepare()
        predictor = open_model(model, settings)
        files = open_source(str(source), out, settings.store_seconds)
        progress = progress or Quiet()
        engine = InProcess(predictor, files, EntryDecoder.of(settings, predictor.input), scores)
        return predict(engine, files, Listing.of(files, progress.listed), output, progress)

    return run
