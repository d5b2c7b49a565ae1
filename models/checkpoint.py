"""The checkpoint format: one safetensors file, whose header carries the metadata and a digest of everything.

Tensors are `parameters.<name>` (theta), `moments.<name>` (the inner optimizer's second moment v) and, where the images
go through a frozen encoder, `encoder.<name>`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from models.architecture import MetaInitialization
from models.atomic_file import replace_file
from models.errors import CheckpointError
from models.metadata import CheckpointMetadata
from models.parameters import Parameters

FORMAT = 1
PARAMETERS, MOMENTS, ENCODER = "parameters.", "moments.", "encoder."
SHIPPED = Path(__file__).parent / "checkpoints"


@dataclass(frozen=True)
class Checkpoint:
    """A meta-initialization and what it says of itself; `digest` is `sha256:<hex>` of both."""

    metadata: CheckpointMetadata
    initialization: MetaInitialization
    digest: str
    encoder: Parameters = field(default_factory=dict)
    """Weights of the frozen encoder; empty where images are what adapts sees."""


def save_checkpoint(
    path: Path, metadata: CheckpointMetadata, initialization: MetaInitialization, encoder: Parameters | None = None
) -> Checkpoint:
    """Writes a checkpoint whole or not at all, and returns it. The metadata's `count` follows the initialization."""
    metadata = metadata.model_copy(update={"count": initialization.count})
    encoder = encoder or {}
    groups = ((PARAMETERS, initialization.parameters), (MOMENTS, initialization.moments), (ENCODER, encoder))
    tensors = {name: tensor for prefix, group in groups for name, tensor in _prefixed(prefix, group).items()}
    document = metadata.model_dump_json()
    digest = _digest(document, tensors)
    replace_file(path, save(tensors, {"kshot": document, "digest": digest}))
    return Checkpoint(metadata, initialization, digest, encoder)


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads and verifies a checkpoint. Raises CheckpointError that says what is wrong with it."""
    header, tensors = _read(path)
    if "kshot" not in header or "digest" not in header:
        raise CheckpointError(
            f"{path} is a safetensors file, but not a kshot checkpoint: its header has no `kshot` entry."
        )
    if _digest(header["kshot"], tensors) != header["digest"]:
        raise CheckpointError(f"{path} was changed after it was saved: its digest does not match. Fetch it anew.")
    metadata = _parse(path, header["kshot"])
    initialization = MetaInitialization(_under(PARAMETERS, tensors), _under(MOMENTS, tensors), metadata.count)
    encoder = _under(ENCODER, tensors)
    _verify(path, metadata, initialization, encoder)
    return Checkpoint(metadata, initialization, header["digest"], encoder)


def _read(path: Path) -> tuple[dict[str, str], Parameters]:
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist. Train one with `kshot train`, or name another file.")
    try:
        with safe_open(path, framework="pt") as file:
            # Copies: what it gives is the file, mapped, and changes with it, or kills us if that is cut short.
            return file.metadata() or {}, {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is truncated or not a safetensors file ({error}). Fetch it anew.") from error


def _parse(path: Path, document: str) -> CheckpointMetadata:
    try:
        raw = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path} has metadata that is no JSON ({error}). Fetch it anew.") from error
    version = raw.get("format") if isinstance(raw, dict) else None
    if version != FORMAT:
        raise CheckpointError(f"{path} is of format {version}; this version of kshot reads format {FORMAT}.")
    try:
        return CheckpointMetadata.model_validate_json(document)
    except ValidationError as error:
        raise CheckpointError(f"{path} has metadata that does not make sense: {error}") from error


def _verify(path: Path, metadata: CheckpointMetadata, found: MetaInitialization, encoder: Parameters) -> None:
    """Raises CheckpointError unless the tensors are those of the architecture, of the right type and finite."""
    expected = _expected(path, metadata)
    frozen = metadata.encoder.weight_shapes if metadata.encoder else {}
    groups = (
        (PARAMETERS, _shapes(expected.parameters), found.parameters, torch.float32),
        (MOMENTS, _shapes(expected.moments), found.moments, torch.float32),
        (ENCODER, frozen, encoder, torch.float16),
    )
    for prefix, wanted, got, dtype in groups:
        for name in wanted.keys() | got.keys():
            shape, its_own = wanted.get(name), tuple(got[name].shape) if name in got else None
            if shape != its_own:
                raise CheckpointError(
                    f"{path}: tensor {prefix}{name} is {'missing' if its_own is None else its_own}, "
                    f"and the architecture in its metadata has {shape or 'no such tensor'}."
                )
            if got[name].dtype != dtype or not got[name].isfinite().all():
                kind = str(dtype).removeprefix("torch.")
                raise CheckpointError(f"{path}: tensor {prefix}{name} is not of finite {kind} numbers. Fetch it anew.")


def _shapes(parameters: Parameters) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in parameters.items()}


def _expected(path: Path, metadata: CheckpointMetadata) -> MetaInitialization:
    """The tensors that the metadata describes, without memory for them: it may ask for any size."""
    try:
        with torch.device("meta"):
            return metadata.build().initialize(seed=0)
    except (RuntimeError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{path} has metadata of a network too large for any machine. Fetch it anew.") from error


def _digest(document: str, tensors: Mapping[str, Tensor]) -> str:
    total = sha256(document.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return f"sha256:{total.hexdigest()}"


def _prefixed(prefix: str, parameters: Parameters) -> Parameters:
    return {prefix + name: tensor.cpu().contiguous() for name, tensor in parameters.items()}


def _under(prefix: str, tensors: Parameters) -> Parameters:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
