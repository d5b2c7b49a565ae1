"""Errors about models and other things in the store."""

from __future__ import annotations

from types import MappingProxyType

from app.errors.base import AppError


class ImagesNotKept(AppError):
    status = 409
    type, title = "/problems/images-not-kept", "The images of this model were not kept"


class ImageNotThere(AppError):
    status = 404
    type, title = "/problems/image-not-there", "The model has no such image"


class ImageUnknown(AppError):
    type, title = "/problems/image-unknown", "The model has no such image"


class ClassUnknown(AppError):
    type, title = "/problems/class-unknown", "The model has no such class"


class ClassesClash(AppError):
    type, title = "/problems/classes-clash", "Two classes would have one name"


class IdempotencyKeyReused(AppError):
    type, title = "/problems/idempotency-key-reused", "The Idempotency-Key belongs to another request"


class ModelNotFound(AppError):
    status = 404
    type, title = "/problems/model-not-found", "No such model"


class ShareNotFound(AppError):
    status = 404
    type, title = "/problems/share-not-found", "The model has no such share"


class ModelDamaged(AppError):
    status = 500
    type, title = "/problems/model-damaged", "The stored model is damaged"


class StoreUnavailable(AppError):
    status = 503
    type, title = "/problems/store-unavailable", "Adapted models cannot be kept or read now"


class RecordError(AppError):
    """What is kept is whole, but this build cannot read it; another may."""

    status = 503
    headers = MappingProxyType({"Retry-After": "30"})


class RecordTooNew(RecordError):
    type, title = "/problems/record-too-new", "A newer version of the server wrote what is kept"


class RecordOutdated(RecordError):
    type, title = "/problems/record-outdated", "This version of the server cannot bring up to date what is kept"
