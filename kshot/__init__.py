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
    from kshot.accuracy import Confusion, CurvePoint, DoubtfulImage, OperatingPoint, Validation
    from kshot.async_client import AsyncClient
    from kshot.client import Client
    from kshot.errors import APIError, ClientError, ServerUnreachableError, SupportFolderError, UnsendableError
    from kshot.inspection import FileNotTaken, InspectedPicture, Inspection
    from kshot.labelling.evaluation import ClassShare, Evaluation, Mistake, Share, UnknownLabel
    from kshot.labelling.ranking import RankedPicture, Ranking
    from kshot.predictions import Estimate, PredictAnswer, Prediction, PredictTimings, Score
    from kshot.problem import FieldProblem, ImageWarning, Problem
    from kshot.projects.project import Project
    from kshot.sharing.shares import ModelShare, NewShare
    from kshot.types import (
        AdaptAnswer,
        AdaptTimings,
        CheckpointInfo,
        CheckpointRef,
        ExportFormat,
        HardImage,
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
    "ClassShare",
    "Client",
    "ClientError",
    "Confusion",
    "CurvePoint",
    "DoubtfulImage",
    "Estimate",
    "Evaluation",
    "ExportFormat",
    "FieldProblem",
    "FileNotTaken",
    "HardImage",
    "Image",
    "ImageWarning",
    "InspectedPicture",
    "Inspection",
    "Mistake",
    "Model",
    "ModelShare",
    "ModelSummary",
    "NewShare",
    "OperatingPoint",
    "PredictAnswer",
    "PredictTimings",
    "Prediction",
    "Problem",
    "Project",
    "RankedPicture",
    "Ranking",
    "Score",
    "ServerUnreachableError",
    "Share",
    "StepEvent",
    "SupportFolderError",
    "SupportImage",
    "SupportSet",
    "UnknownLabel",
    "UnsendableError",
    "Validation",
]

# Where the names are that don't belong to kshot.types.
_MODULES = {
    "AsyncClient": "async_client",
    "Client": "client",
    **dict.fromkeys(("Confusion", "CurvePoint", "DoubtfulImage", "OperatingPoint", "Validation"), "accuracy"),
    **dict.fromkeys(("Estimate", "PredictAnswer", "PredictTimings", "Prediction", "Score"), "predictions"),
    **dict.fromkeys(
        ("APIError", "ClientError", "ServerUnreachableError", "SupportFolderError", "UnsendableError"), "errors"
    ),
    **dict.fromkeys(("FileNotTaken", "InspectedPicture", "Inspection"), "inspection"),
    **dict.fromkeys(("ClassShare", "Evaluation", "Mistake", "Share", "UnknownLabel"), "labelling.evaluation"),
    **dict.fromkeys(("RankedPicture", "Ranking"), "labelling.ranking"),
    **dict.fromkeys(("FieldProblem", "ImageWarning", "Problem"), "problem"),
    "Project": "projects.project",
    **dict.fromkeys(("ModelShare", "NewShare"), "sharing.shares"),
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
