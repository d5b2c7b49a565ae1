"""The service's branch of the tree of errors a user can cause; each has its HTTP status and problem type.

models.errors.KshotError
└── AppError
    ├── NotAForm, SupportUnsuitable
    ├── ImagesMissing, TooManyImages, UploadAmbiguous, LabelsMismatch, CropInvalid
    ├── TextsMissing, TooManyTexts, TableUnreadable, ExamplesUnsuitable
    ├── InputsMissing, TooManyInputs, TargetsMismatch
    ├── TooFewClasses, TooManyClasses
    ├── OneOfMany
    │   ├── LabelInvalid
    │   └── ExampleError: TextInvalid, NumbersInvalid
    │       └── ImageError: ImageEmpty, ImageUnreadable, ImageTruncated, ImageTooManyBytes,
    │                       ImageTooManyPixels,
    │                       TooManyPixels, CropOutside
    ├── ArchiveError: ArchiveUnreadable, ArchiveUnsafeName, ArchiveEncrypted, ArchiveNested, ArchiveTooLarge,
    │                 ArchiveLayout, ArchiveEncoding, ArchiveManifest
    ├── StepsOutOfRange, CheckpointUnknown, InitializationUnsuitable, Diverged
    ├── ImagesNotKept, ImageNotThere, ImageUnknown, ClassUnknown, ClassesClash
    ├── IdempotencyKeyReused
    ├── AccessError: KeyMissing, KeyInvalid, KeyForbidden, ShareInvalid, RateExceeded, QuotaReached, KeysUnavailable
    ├── ModelNotFound, ShareNotFound, CheckpointMismatch, ModelDamaged, StoreUnavailable, UploadsUnavailable
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
    ShareInvalid,
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
    ShareNotFound,
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
    ExampleError,
    ExamplesUnsuitable,
    ImageEmpty,
    ImageError,
    ImagesMissing,
    ImageTooManyBytes,
    ImageTooManyPixels,
    ImageTruncated,
    ImageUnreadable,
    InputsMissing,
    LabelInvalid,
    LabelsMismatch,
    NotAForm,
    NumbersInvalid,
    SupportUnsuitable,
    TableUnreadable,
    TargetsMismatch,
    TextInvalid,
    TextsMissing,
    TooFewClasses,
    TooManyClasses,
    TooManyImages,
    TooManyInputs,
    TooManyPixels,
    TooManyTexts,
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
    "ExampleError",
    "ExamplesUnsuitable",
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
    "InputsMissing",
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
    "NumbersInvalid",
    "OriginForeign",
    "OutOfMemory",
    "QueueFull",
    "QueueTimeout",
    "QuotaReached",
    "RateExceeded",
    "RecordError",
    "RecordOutdated",
    "RecordTooNew",
    "ShareInvalid",
    "ShareNotFound",
    "StepsOutOfRange",
    "StoreUnavailable",
    "SupportUnsuitable",
    "TableUnreadable",
    "TargetsMismatch",
    "TextInvalid",
    "TextsMissing",
    "TooFewClasses",
    "TooManyClasses",
    "TooManyImages",
    "TooManyInputs",
    "TooManyPixels",
    "TooManyTexts",
    "UploadAmbiguous",
    "UploadsUnavailable",
]
