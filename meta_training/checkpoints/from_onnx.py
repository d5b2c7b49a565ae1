"""A checkpoint of an ONNX encoder, without meta-training."""

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from meta_training.config import NAME_RULE
from meta_training.errors import RunError
from meta_training.run_folder import make_folder
from models.checkpoint import save_checkpoint
from models.encoders.onnx_file import OnnxFile
from models.heads.interface import Head
from models.inputs.image import ImageInput
from models.metadata import CheckpointMetadata, InnerSpec
from models.networks.linear_map import LinearMap
from models.parameters import Parameters


def build_checkpoint(
    folder: Path, name: str, encoder: OnnxFile, weights: Parameters, head: Head, inner: InnerSpec
) -> Path:
    """Write <name>.safetensors: the encoder, a linear map that is the identity, and the head. Return its path.

    Raises RunError for a name that no checkpoint can have, and for a folder that cannot be.
    """
    try:
        metadata = CheckpointMetadata(
            name=name,
            created_at=datetime.now(UTC).isoformat(timespec="seconds"),
            command=shlex.join(["kshot", *sys.argv[1:]]),
            input=ImageInput(channels=3, size=encoder.size, fit="crop"),
            encoder=encoder,
            network=LinearMap(size=encoder.features),
            head=head,
            inner=inner,
        )
    except ValidationError as error:
        raise RunError(f"name must {NAME_RULE}; it is {name!r}.") from error
    make_folder(folder)
    path = folder / f"{name}.safetensors"
    save_checkpoint(path, metadata, metadata.build().initialize(seed=0), weights)
    return path
