"""A checkpoint with a second encoder beside its own, whose features don't adapt."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from meta_training.data.image_classes import in_colour
from meta_training.errors import RunError
from meta_training.run_folder import make_folder
from models.atomic_file import replace_file
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.frozen_network import FrozenNetwork
from models.encoders.side_by_side import SideBySide
from models.estimates.calibration import Calibration
from models.metadata import CheckpointMetadata
from models.networks.beside import Beside
from models.networks.last_block import LastBlock
from models.parameters import prefixed

CALIBRATED = Path(__file__).with_name("photo-large.json")


class KnownCalibration(BaseModel):
    """What was fitted to a checkpoint that is the same wherever it is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str
    """Of the checkpoint, before."""
    serves: tuple[str, ...]
    """Digests of what earlier builds made, whose models it goes on to serve."""
    calibrated_by: str
    """The command."""
    calibration: Calibration


def enlarge(base: Path, variant: int, folder: Path, name: str) -> Checkpoint:
    """Write <name>.safetensors, `base` with EfficientNet-Lite `variant` beside its encoder, and return it.

    The base comes along, where the folder has none of its name. What is made is of the same digest wherever it is made.
    It is calibrated if it is what CALIBRATED was fitted to; the base's calibration is of other features. Raises
    CheckpointError, WeightsError where the weights aren't installed, and RunError for a name that no checkpoint can
    have, a base that isn't of colour images or whose head has weights, and a folder that cannot be.
    """
    start = load_checkpoint(base)
    metadata, second = _enlarged(start, base, variant, name)
    encoders = prefixed("0.", start.encoder) | prefixed("1.", second.pretrained())
    make_folder(folder)
    if not (folder / base.name).exists():
        replace_file(folder / base.name, base.read_bytes())
    path = folder / f"{name}.safetensors"
    return _calibrated(path, save_checkpoint(path, metadata, start.initialization, encoders, start.mixture))


def _calibrated(path: Path, made: Checkpoint) -> Checkpoint:
    """Write the calibration into the file, if it is known, and return the checkpoint as it is then."""
    known = KnownCalibration.model_validate_json(CALIBRATED.read_bytes())
    if made.digest != known.digest:
        return made
    metadata = made.metadata.model_copy(
        update={"calibration": known.calibration, "serves": (*known.serves, made.digest)}
    )
    return save_checkpoint(path, metadata, made.initialization, made.encoder, made.mixture)


def _enlarged(start: Checkpoint, base: Path, variant: int, name: str) -> tuple[CheckpointMetadata, FrozenNetwork]:
    """Return what the checkpoint says of itself, and its second encoder."""
    about = start.metadata
    if not in_colour(about.input):
        raise RunError(f"{base.name} can't be enlarged: it doesn't take colour images, as the second encoder does.")
    try:
        second = _features(variant, about.input.example[-1])
        changed = {
            "name": name,
            "command": f"kshot checkpoint enlarge --variant {variant} --name {name}",
            "encoder": SideBySide(encoders=(about.encoder, second)),
            "network": Beside(network=about.network, fixed=second.network.features),
            "calibration": None,
            "serves": (),
        }
        made = CheckpointMetadata.model_validate(about.model_dump() | changed)
    except ValidationError as error:
        raise RunError(f"{name} can't be made of {base.name}: {error.errors()[0]['msg']}.") from error
    before, after = about.build(), made.build()
    if (before.shapes(), before.moment_shapes()) != (after.shapes(), after.moment_shapes()):
        raise RunError(f"{base.name} can't be enlarged: its head, {about.head.type}, has weights for its own features.")
    return made, second


def _features(variant: int, size: int) -> FrozenNetwork:
    """Return the whole network up to the means that its classifier would see, for images of this side."""
    network = LastBlock.model_validate({"variant": variant, "size": size})
    encoder = EfficientNetLite.model_validate({"variant": variant, "size": size, "until": network.first})
    return FrozenNetwork(encoder=encoder, network=network)
