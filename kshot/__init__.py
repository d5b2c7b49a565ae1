"""Client of a kshot server: a handful of labelled images in, a classifier adapted to them out.

    from kshot import Client

    with Client() as kshot:  # KSHOT_URL, or http://127.0.0.1:8000
        model = kshot.adapt("drawings/support")  # class folders, a zip of them, or (label, image) pairs
        answer = kshot.predict(model.id, ["new/1.png", "new/2.png"])
        for event in kshot.adapt_events("drawings/support"):  # StepEvents, then the answer
            print(event)
        second = kshot.revise(model.id, [("alpha", "new/1.png")], remove=[7])  # one image more, one less

`AsyncClient` has the same methods, awaited. Every error is a `ClientError`; a request that the server refuses raises
an `APIError`, which carries the server's problem document.

Names are imported when they are first used, so that `import kshot` and `kshot --help` take no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kshot.accuracy import Confusion, CurvePoint, OperatingPoint, Validation
    from kshot.async_client import AsyncClient
    from kshot.client import Client
    from kshot.errors import APIError, ClientError, ServerUnreachableError, SupportFolderError, UnsendableError
    from kshot.inspection import FileNotTaken, InspectedPicture, Inspection
    from kshot.predictions import PredictAnswer, Prediction, PredictTimings, Score
    from kshot.problem import FieldProblem, Problem
    from kshot.types import (
        AdaptAnswer,
        AdaptTimings,
        CheckpointInfo,
        CheckpointRef,
        ExportFormat,
        HardImage,
        ImageWarning,
        Model,
        ModelSummary,
        StepEvent,
        SupportImage,
    )
    from kshot.uploads import Image, SupportSet

__version__ = "0.1.0"

__all__ = [
    "APIError",
    "AdaptAnswer",
    "AdaptTimings",
    "AsyncClient",
    "CheckpointInfo",
    "CheckpointRef",
    "Client",
    "ClientError",
    "Confusion",
    "CurvePoint",
    "ExportFormat",
    "FieldProblem",
    "FileNotTaken",
    "HardImage",
    "Image",
    "ImageWarning",
    "InspectedPicture",
    "Inspection",
    "Model",
    "ModelSummary",
    "OperatingPoint",
    "PredictAnswer",
    "PredictTimings",
    "Prediction",
    "Problem",
    "Score",
    "ServerUnreachableError",
    "StepEvent",
    "SupportFolderError",
    "SupportImage",
    "SupportSet",
    "UnsendableError",
    "Validation",
]

# Where the names are that don't belong to kshot.types.
_MODULES = {
    "AsyncClient": "async_client",
    "Client": "client",
    **dict.fromkeys(("Confusion", "CurvePoint", "OperatingPoint", "Validation"), "accuracy"),
    **dict.fromkeys(("PredictAnswer", "PredictTimings", "Prediction", "Score"), "predictions"),
    **dict.fromkeys(
        ("APIError", "ClientError", "ServerUnreachableError", "SupportFolderError", "UnsendableError"), "errors"
    ),
    **dict.fromkeys(("FileNotTaken", "InspectedPicture", "Inspection"), "inspection"),
    **dict.fromkeys(("FieldProblem", "Problem"), "problem"),
    **dict.fromkeys(("Image", "SupportSet"), "uploads"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'kshot' has no attribute {name!r}")
    value = getattr(import_module(f"kshot.{_MODULES.get(name, 'types')}"), name)
    globals()[name] = value  # the next look-up finds it without this function
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
