"""The service's branch of the tree of errors a user can cause; each has its HTTP status and problem type.

models.errors.KshotError
└── AppError
    ├── NotAForm, SupportUnsuitable
    ├── ImagesMissing, TooManyImages, UploadAmbiguous, LabelsMismatch, LabelInvalid
    ├── TooFewClasses, TooManyClasses
    ├── ImageError: ImageEmpty, ImageUnreadable, ImageTruncated, ImageTooManyBytes, ImageTooManyPixels, TooManyPixels
    ├── ArchiveError: ArchiveUnreadable, ArchiveUnsafeName, ArchiveEncrypted, ArchiveNested, ArchiveTooLarge,
    │                 ArchiveLayout
    ├── StepsOutOfRange, CheckpointUnknown, Diverged
    ├── ImagesNotKept, ImageNotThere, ImageUnknown, ClassUnknown, ClassesClash
    ├── IdempotencyKeyReused
    ├── AccessError: KeyMissing, KeyInvalid, KeyForbidden, RateExceeded, QuotaReached, KeysUnavailable
    ├── ModelNotFound, CheckpointMismatch, ModelDamaged, StoreUnavailable, UploadsUnavailable
    ├── RecordError: RecordTooNew, RecordOutdated
    └── EngineError: NotReady, QueueFull, QueueTimeout, ComputeTimeout, OutOfMemory
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from models.errors import KshotError


class AppError(KshotError):
    """An error with a place in HTTP: `status`, a stable `type`, and members for machines to read."""

    status: ClassVar[int] = 422
    type: ClassVar[str]
    title: ClassVar[str]
    headers: Mapping[str, str] = MappingProxyType({})

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class NotAForm(AppError):
    status = 415
    type, title = "/problems/not-a-form", "The body is not a form"


class ImagesMissing(AppError):
    type, title = "/problems/images-missing", "No images were sent"


class UploadAmbiguous(AppError):
    type, title = "/problems/upload-ambiguous", "Both images and an archive were sent"


class LabelsMismatch(AppError):
    type, title = "/problems/labels-mismatch", "Images and labels differ in number"


class LabelInvalid(AppError):
    type, title = "/problems/label-invalid", "A label cannot be used"


class TooFewClasses(AppError):
    type, title = "/problems/too-few-classes", "A classifier needs two classes"


class TooManyClasses(AppError):
    type, title = "/problems/too-many-classes", "More classes than this server takes"


class TooManyImages(AppError):
    status = 413
    type, title = "/problems/too-many-images", "More images than this server takes"


class StepsOutOfRange(AppError):
    type, title = "/problems/steps-out-of-range", "The number of steps is out of range"


class CheckpointUnknown(AppError):
    type, title = "/problems/checkpoint-unknown", "No such checkpoint"


class SupportUnsuitable(AppError):
    type, title = "/problems/support-unsuitable", "The support set does not fit the checkpoint"


class Diverged(AppError):
    type, title = "/problems/diverged", "Adapting ran out of the numbers"


class ImageError(AppError):
    """An image cannot be used; the whole request fails with it."""


class ImageEmpty(ImageError):
    type, title = "/problems/image-empty", "The file is empty"


class ImageUnreadable(ImageError):
    type, title = "/problems/image-unreadable", "The file is not an image that can be read"


class ImageTruncated(ImageError):
    type, title = "/problems/image-truncated", "The image is cut short or damaged"


class ImageTooManyBytes(ImageError):
    status = 413
    type, title = "/problems/image-too-many-bytes", "The file is too large"


class ImageTooManyPixels(ImageError):
    status = 413
    type, title = "/problems/image-too-many-pixels", "The picture has too many pixels"


class TooManyPixels(ImageError):
    status = 413
    type, title = "/problems/too-many-pixels", "The pictures have too many pixels together"


class ArchiveError(AppError):
    """An archive cannot be used; nothing of it is."""


class ArchiveUnreadable(ArchiveError):
    type, title = "/problems/archive-unreadable", "The archive cannot be read"


class ArchiveUnsafeName(ArchiveError):
    type, title = "/problems/archive-unsafe-name", "The archive names a file outside itself"


class ArchiveEncrypted(ArchiveError):
    type, title = "/problems/archive-encrypted", "The archive is encrypted"


class ArchiveNested(ArchiveError):
    type, title = "/problems/archive-nested", "The archive holds another archive"


class ArchiveTooLarge(ArchiveError):
    status = 413
    type, title = "/problems/archive-too-large", "The archive unpacks to too much"


class ArchiveLayout(ArchiveError):
    type, title = "/problems/archive-layout", "The archive is not a folder for each class"


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


class AccessError(AppError):
    """Not with this key, or not now."""


class KeyMissing(AccessError):
    status = 401
    type, title = "/problems/key-missing", "An API key is needed"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="kshot"'})


class KeyInvalid(AccessError):
    status = 401
    type, title = "/problems/key-invalid", "The API key is not valid"
    headers = MappingProxyType({"WWW-Authenticate": 'Bearer realm="kshot", error="invalid_token"'})


class KeyForbidden(AccessError):
    status = 403
    type, title = "/problems/key-forbidden", "The API key is for something else"


class RateExceeded(AccessError):
    status = 429
    type, title = "/problems/rate-exceeded", "More requests than this key may make"

    def __init__(self, detail: str, seconds: int) -> None:
        super().__init__(detail)
        self.headers = {"Retry-After": str(seconds)}


class QuotaReached(AccessError):
    status = 403
    type, title = "/problems/quota-reached", "No more may be kept"


class KeysUnavailable(AccessError):
    status = 503
    type, title = "/problems/keys-unavailable", "The API keys cannot be read"


class ModelNotFound(AppError):
    status = 404
    type, title = "/problems/model-not-found", "No such model"


class CheckpointMismatch(AppError):
    status = 409
    type, title = (
        "/problems/checkpoint-mismatch",
        "The model belongs to a checkpoint this server does not have",
    )


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


class UploadsUnavailable(AppError):
    status = 503
    type, title = "/problems/uploads-unavailable", "The upload cannot be received now"


class EngineError(AppError):
    """The engine cannot take or finish a job now; the same request may succeed later."""

    status = 503
    headers = MappingProxyType({"Retry-After": "1"})


class NotReady(EngineError):
    type, title = "/problems/not-ready", "The server is not ready"


class QueueFull(EngineError):
    status = 429
    type, title = "/problems/queue-full", "The server is busy"

    def __init__(self, detail: str, seconds: int = 1) -> None:
        super().__init__(detail)
        self.headers = MappingProxyType({"Retry-After": str(seconds)})


class QueueTimeout(EngineError):
    type, title = "/problems/queue-timeout", "The request waited too long for its turn"


class ComputeTimeout(EngineError):
    status = 504
    type, title = "/problems/compute-timeout", "The computation took too long"


class OutOfMemory(EngineError):
    type, title = "/problems/out-of-memory", "The server has too little memory for the request"
