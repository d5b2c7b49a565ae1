"""The event loop, which serves everybody, does nothing long for anybody."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import UploadFile

from app.api.forms import AdaptForm, PredictForm
from app.engine.checkpoint_registry import CheckpointRegistry
from app.engine.engine import Engine
from app.engine.limits import BatchLimits, QueueLimits
from app.engine.state import State
from app.inputs.pictures import Picture
from app.service import answers
from app.service.create import create
from app.service.predict import FEW, predict
from app.service.service import Service
from app.service.support_sources import UploadedSupport
from app.settings import Settings
from app.store import DirectoryStore
from app.tenants.tenant import NOBODY
from tests.app.drawings import SUPPORT, label


def on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def files() -> list[UploadFile]:
    return [UploadFile(io.BytesIO(path.read_bytes()), filename=path.name) for path in SUPPORT]


async def adapt_and_predict(service: Service) -> None:
    form = AdaptForm(images=files(), labels=[label(path) for path in SUPPORT], steps=0)
    created = await create(service, NOBODY, UploadedSupport(form))
    many = [file for _ in range(FEW // (5 * len(SUPPORT)) + 1) for file in files()]  # five scores each
    answer = await predict(service, NOBODY, PredictForm(model_id=created.answer.id, images=many))
    assert len(answer.predictions) == len(many)


def test_reading_decoding_and_large_answers_are_left_to_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, bool] = {}

    def watch(owner: Any, name: str) -> None:
        real: Callable[..., Any] = getattr(owner, name)

        def watched(*arguments: Any) -> Any:
            called[name] = on_event_loop()
            return real(*arguments)

        monkeypatch.setattr(owner, name, watched)

    watch(answers, "predictions")
    watch(Picture, "read")
    watch(DirectoryStore, "put")
    settings = Settings(store=tmp_path)
    engine = Engine(CheckpointRegistry.of(settings), QueueLimits.of(settings), BatchLimits.of(settings))
    service = Service.of(settings, engine, DirectoryStore(tmp_path))
    engine.start()
    while engine.state is State.LOADING:
        time.sleep(0.01)
    try:
        asyncio.run(adapt_and_predict(service))
    finally:
        engine.close()
        service.close()
    assert called == {"predictions": False, "read": False, "put": False}
