"""An adapted model as one safetensors file: every weight, for a runtime of one's own."""

from collections.abc import Mapping

from safetensors.torch import save

from models.checkpoint import ENCODER, PARAMETERS, Checkpoint
from models.export.description import describe, parameters_of
from models.initializations.adapted import Adapted
from models.parameters import Parameters


def build_safetensors(checkpoint: Checkpoint, adapted: Adapted, labels: list[str], about: Mapping[str, str]) -> bytes:
    """Return `encoder.<name>` as in the checkpoint, and `parameters.<name>`, adapted, in full precision.

    Its metadata are what `describe` gives, `architecture`, which is the checkpoint's own metadata, and `about`.
    """
    encoder = {ENCODER + name: tensor for name, tensor in checkpoint.encoder.items()}
    return build_adapted(checkpoint, adapted, labels, about, encoder)


def build_adapted(
    checkpoint: Checkpoint,
    adapted: Adapted,
    labels: list[str],
    about: Mapping[str, str],
    beside: Parameters | None = None,
) -> bytes:
    """Return the same without the encoder, which every model of the checkpoint shares; `beside` are further tensors."""
    parameters = parameters_of(checkpoint, adapted)
    own = {PARAMETERS + name: tensor for name, tensor in parameters.items()}
    tensors = {name: tensor.contiguous() for name, tensor in (own | (beside or {})).items()}
    architecture = checkpoint.metadata.model_dump_json(exclude={"data", "command"})
    return save(tensors, {**about, **describe(checkpoint, parameters, labels), "architecture": architecture})
