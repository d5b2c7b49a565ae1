"""What an exported file says of itself, as text by key: all that whoever runs it needs to know."""

import json

from models.checkpoint import Checkpoint
from models.inputs.image import InputSpec
from models.learner import Adapted
from models.networks.packing import unpack
from models.parameters import Parameters

STEPS = (
    "JPEG: open at a fraction of its size, if both sides stay 2 × size or more (Pillow's draft)",
    "average blocks of n × n pixels, n the largest whole number for which the shorter side stays 2 × size or more",
    "turn upright by the EXIF orientation",
    "lay on white where transparent",
    "make square as `fit` says, bilinear: crop takes the middle, pad adds white",
)


def describe(checkpoint: Checkpoint, labels: list[str]) -> dict[str, str]:
    """`labels`, in the order of the probabilities; `preprocessing`, `checkpoint` and `calibration`; each in JSON."""
    calibration = checkpoint.metadata.calibration
    entries = {
        "labels": labels,
        "preprocessing": preprocessing(checkpoint.metadata.input),
        "checkpoint": {"name": checkpoint.metadata.name, "digest": checkpoint.digest},
        "calibration": calibration and {"temperature": calibration.temperature, "familiar": calibration.familiar},
    }
    return {name: json.dumps(entry, ensure_ascii=False) for name, entry in entries.items()}


def preprocessing(spec: InputSpec) -> dict[str, object]:
    """From a picture to the input `images`."""
    return {
        "size": spec.size,
        "mode": spec.mode,
        "fit": spec.fit,
        "layout": "NCHW",
        "type": "uint8",
        "steps": STEPS,
    }


def parameters_of(checkpoint: Checkpoint, adapted: Adapted) -> Parameters:
    """The adapted network, its head and its statistics in full precision."""
    if checkpoint.metadata.encoder is None:
        return dict(adapted.tensors)
    return unpack(dict(adapted.tensors), checkpoint.initialization.parameters)
