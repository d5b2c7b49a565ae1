"""The service's branch of the tree of errors a user can cause; each has its HTTP status and problem type.

models.errors.KshotError
└── AppError
    ├── NotAForm, SupportUnsuitable
    ├── ImagesMissing, TooManyImages, UploadAmbiguous, LabelsMismatch, CropInvalid
    ├── TooFewClasses, TooManyClasses
    ├── OneOfMany
    │   ├── LabelInvalid
    │   └── ImageError: ImageEmpty, ImageUnreadable, ImageTruncated, ImageTooManyBytes, ImageTooManyPixels,
    │                   TooManyPixels, CropOutside
    ├── ArchiveError: ArchiveUnreadable, ArchiveUnsafeName, ArchiveEncrypted, ArchiveNested, ArchiveTooLarge,
    │                 ArchiveLayout, ArchiveEncoding, ArchiveManifest
    ├── StepsOutOfRange, CheckpointUnknown, InitializationUnsuitable, Diverged
    ├── ImagesNotKept, ImageNotThere, ImageUnknown, ClassUnknown, ClassesClash
    ├── IdempotencyKeyReused
    ├── AccessError: KeyMissing, KeyInvalid, KeyForbidden, RateExceeded, QuotaReached, KeysUnavailable
    ├── ModelNotFound, CheckpointMismatch, ModelDamaged, StoreUnavailable, UploadsUnavailable
    ├── RecordError: RecordTooNew, RecordOutdated
    └── EngineError: NotReady, QueueFull, QueueTimeout, ComputeTimeout, OutOfMemory
"""

from __future__ import annotations

from app.errors.access import (
    AccessError,
    HostUntrusted,
    KeyForbidden,
    KeyInvalid,
    KeyMissing,
    KeysUnavailable,
    OriginForeign,
    QuotaReached,
    RateExceeded,
)
from app.errors.base import AppError
from app.errors.engine import (
    CheckpointMismatch,
    CheckpointUnknown,
    ComputeTimeout,
    Diverged,
    EngineError,
    InitializationUnsuitable,
    NotReady,
    OutOfMemory,
    QueueFull,
    QueueTimeout,
    StepsOutOfRange,
)
from app.errors.stored import (
    ClassesClash,
    ClassUnknown,
    IdempotencyKeyReused,
    ImageNotThere,
    ImagesNotKept,
    ImageUnknown,
    ModelDamaged,
    ModelNotFound,
    RecordError,
    RecordOutdated,
    RecordTooNew,
    StoreUnavailable,
)
from app.errors.uploads import (
    ArchiveEncoding,
    ArchiveEncrypted,
    ArchiveError,
    ArchiveLayout,
    ArchiveManifest,
    ArchiveNested,
    ArchiveTooLarge,
    ArchiveUnreadable,
    ArchiveUnsafeName,
    CropInvalid,
    CropOutside,
    EncodingNotTaken,
    ImageEmpty,
    ImageError,
    ImagesMissing,
    ImageTooManyBytes,
    ImageTooManyPixels,
    ImageTruncated,
    ImageUnreadable,
    LabelInvalid,
    LabelsMismatch,
    NotAForm,
    SupportUnsuitable,
    TooFewClasses,
    TooManyClasses,
    TooManyImages,
    TooManyPixels,
    UploadAmbiguous,
    UploadsUnavailable,
)

__all__ = [
    "AccessError",
    "AppError",
    "ArchiveEncoding",
    "ArchiveEncrypted",
    "ArchiveError",
    "ArchiveLayout",
    "ArchiveManifest",
    "ArchiveNested",
    "ArchiveTooLarge",
    "ArchiveUnreadable",
    "ArchiveUnsafeName",
    "CheckpointMismatch",
    "CheckpointUnknown",
    "ClassUnknown",
    "ClassesClash",
    "ComputeTimeout",
    "CropInvalid",
    "CropOutside",
    "Diverged",
    "EncodingNotTaken",
    "EngineError",
    "HostUntrusted",
    "IdempotencyKeyReused",
    "ImageEmpty",
    "ImageError",
    "ImageNotThere",
    "ImageTooManyBytes",
    "ImageTooManyPixels",
    "ImageTruncated",
    "ImageUnknown",
    "ImageUnreadable",
    "ImagesMissing",
    "ImagesNotKept",
    "InitializationUnsuitable",
    "KeyForbidden",
    "KeyInvalid",
    "KeyMissing",
    "KeysUnavailable",
    "LabelInvalid",
    "LabelsMismatch",
    "ModelDamaged",
    "ModelNotFound",
    "NotAForm",
    "NotReady",
    "OriginForeign",
    "OutOfMemory",
    "QueueFull",
    "QueueTimeout",
    "QuotaReached",
    "RateExceeded",
    "RecordError",
    "RecordOutdated",
    "RecordTooNew",
    "StepsOutOfRange",
    "StoreUnavailable",
    "SupportUnsuitable",
    "TooFewClasses",
    "TooManyClasses",
    "TooManyImages",
    "TooManyPixels",
    "UploadAmbiguous",
    "UploadsUnavailable",
]
