"""What an exported file says of itself, as text by key: all that whoever runs it needs to know."""

import json

from models.checkpoint import Checkpoint
from models.initializations.adapted import Adapted
from models.parameters import Parameters


def describe(checkpoint: Checkpoint, labels: list[str]) -> dict[str, str]:
    """Return in JSON: `labels` in the order of the probabilities, `preprocessing`, `checkpoint`, `calibration`."""
    calibration = checkpoint.metadata.calibration
    entries = {
        "labels": labels,
        "preprocessing": checkpoint.metadata.input.describe(),
        "checkpoint": {"name": checkpoint.metadata.name, "digest": checkpoint.digest},
        "calibration": calibration and {"temperature": calibration.temperature, "familiar": calibration.familiar},
    }
    return {name: json.dumps(entry, ensure_ascii=False) for name, entry in entries.items()}


def parameters_of(checkpoint: Checkpoint, adapted: Adapted) -> Parameters:
    """Return the adapted network, its head and its statistics in full precision."""
    return adapted.parameters(checkpoint.metadata.network, checkpoint.initialization.parameters, checkpoint.mixture)
