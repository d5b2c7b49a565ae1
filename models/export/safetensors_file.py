"""An adapted model as one safetensors file: every weight, for a runtime of one's own."""

from collections.abc import Mapping

from safetensors.torch import save

from models.checkpoint import ENCODER, PARAMETERS, Checkpoint
from models.export.description import describe, parameters_of
from models.initializations.adapted import Adapted


def build_safetensors(checkpoint: Checkpoint, adapted: Adapted, labels: list[str], about: Mapping[str, str]) -> bytes:
    """Return `encoder.<name>` as in the checkpoint, and `parameters.<name>`, adapted, in full precision.

    Its metadata are what `describe` gives, `architecture`, which is the checkpoint's own metadata, and `about`.
    """
    groups = ((ENCODER, checkpoint.encoder), (PARAMETERS, parameters_of(checkpoint, adapted)))
    tensors = {prefix + name: tensor.contiguous() for prefix, group in groups for name, tensor in group.items()}
    architecture = checkpoint.metadata.model_dump_json(exclude={"data", "command"})
    return save(tensors, {**about, **describe(checkpoint, labels), "architecture": architecture})
