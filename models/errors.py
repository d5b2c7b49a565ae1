"""The root of every error that a user can cause, and those that belong to the learner.

KshotError
├── CheckpointError   a checkpoint file is missing, truncated, altered or of another version
├── DeviceError       a device that is asked for is not there
├── EncoderError      a file cannot be an encoder
├── PartsError        a module of parts cannot be imported
├── SupportError      a support set that this learner cannot adapt to
├── TableError        a table of examples cannot be read
└── WeightsError      pretrained weights that a learner starts from are not installed
"""


class KshotError(Exception):
    """Something the user can mend; the message names it and says how."""


class CheckpointError(KshotError):
    """A checkpoint cannot be read as what it claims to be."""


class DeviceError(KshotError):
    """There is no such device."""


class SupportError(KshotError):
    """A support set does not fit the learner."""


class TableError(KshotError):
    """A table of examples cannot be read; the message goes on after the table's name."""


class EncoderError(KshotError):
    """A file cannot be an encoder."""


class PartsError(KshotError):
    """A module that registers parts cannot be imported."""


class WeightsError(KshotError):
    """Pretrained weights are not installed."""
