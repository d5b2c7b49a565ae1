"""A typed client of a running kshot server, sync and async.

    from app.client import Client

    with Client() as kshot:  # KSHOT_URL, or http://127.0.0.1:8000
        model = kshot.adapt("drawings/support")  # class folders, a zip of them, or (label, image) pairs
        answer = kshot.predict(model.id, ["new/1.png", "new/2.png"])
        for event in kshot.adapt_events("drawings/support"):  # StepEvents, then the answer
            print(event)
        second = kshot.revise(model.id, [("alpha", "new/1.png")], remove=[7])  # one image more, one less

Everything that its users need is here, the types of the answers too. `AsyncClient` has the same methods, awaited.
Whatever goes wrong is a `ClientError`; what the server refuses is an `APIError` that carries the server's problem
document.
"""

from kshot.async_client import AsyncClient
from kshot.client import Client
from kshot.errors import APIError, ClientError, ServerUnreachableError, SupportFolderError, UnsendableError
from kshot.types import AdaptAnswer, CheckpointInfo, Model, ModelSummary, PredictAnswer, Prediction, StepEvent

__all__ = [
    "APIError",
    "AdaptAnswer",
    "AsyncClient",
    "CheckpointInfo",
    "Client",
    "ClientError",
    "Model",
    "ModelSummary",
    "PredictAnswer",
    "Prediction",
    "ServerUnreachableError",
    "StepEvent",
    "SupportFolderError",
    "UnsendableError",
]
