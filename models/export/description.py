"""What an exported file says of itself, as text by key: all that whoever runs it needs to know."""

import json
from collections.abc import Mapping

from models.checkpoint import Checkpoint
from models.estimates.temperature import TEMPERATURE
from models.export.graph import EXAMPLES
from models.initializations.adapted import Adapted
from models.parameters import Parameters

PROBABILITIES = "probabilities"
"""Name of the output [B, N] of an exported classifier."""


def describe(checkpoint: Checkpoint, parameters: Parameters, labels: list[str]) -> dict[str, str]:
    """Return in JSON: `labels` in the order of the probabilities, `preprocessing`, `checkpoint`, `calibration`.

    `parameters` are the model's, whose temperature counts.
    """
    about = checkpoint.metadata
    calibration = about.calibration
    entries = {
        "labels": labels,
        "preprocessing": about.encoder.describe(about.input),
        "checkpoint": {"name": about.name, "digest": checkpoint.digest},
        "calibration": calibration
        and {"temperature": temperature(checkpoint, parameters), "familiar": calibration.familiar},
    }
    return {name: json.dumps(entry, ensure_ascii=False) for name, entry in entries.items()}


def temperature(checkpoint: Checkpoint, parameters: Parameters) -> float:
    """Return what a model's logits are divided by; models of earlier builds have the checkpoint's."""
    own, calibration = parameters.get(TEMPERATURE), checkpoint.metadata.calibration
    return (calibration.temperature if calibration else 1.0) if own is None else float(own)


def build_description(checkpoint: Checkpoint, adapted: Adapted, labels: list[str], about: Mapping[str, str]) -> bytes:
    """Return what the ONNX file says of itself as a JSON document, for runtimes that read no metadata.

    `input` and `output` are the names of what it takes and of the probabilities that it gives.
    """
    texts = {**about, **describe(checkpoint, parameters_of(checkpoint, adapted), labels)}
    entries = {name: json.loads(text) for name, text in texts.items()}
    document = {"input": EXAMPLES, "output": checkpoint.metadata.head.output, **entries}
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()


def parameters_of(checkpoint: Checkpoint, adapted: Adapted) -> Parameters:
    """Return the adapted network, its head and its statistics in full precision."""
    origin = adapted.origin(checkpoint.initialization.parameters, checkpoint.mixture)
    return adapted.parameters(checkpoint.metadata.network, origin)
