"""The checkpoint format: one safetensors file, whose header carries the metadata and a digest of everything.

Tensors are `parameters.<name>` (theta), `moments.<name>` (the inner optimizer's second moment v), `encoder.<name>`, the
frozen encoder's weights, and `mixture.<name>`, further initializations, if it has them. A digest is that of the file as
it is: bringing old metadata up to date doesn't change it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from models.architecture import MetaInitialization
from models.atomic_file import replace_file
from models.encoders.interface import Weight
from models.errors import CheckpointError
from models.initializations.mixture import OWNERS, Mixture, MixtureSpec, from_tensors, kept_weights
from models.metadata import FORMAT, CheckpointMetadata, bring_up_to_date
from models.parameters import Parameters, prefixed, under

PARAMETERS, MOMENTS, ENCODER, MIXTURE = "parameters.", "moments.", "encoder.", "mixture."
SHIPPED = Path(__file__).parent / "checkpoints"


@dataclass(frozen=True)
class Checkpoint:
    """A meta-initialization and what it says of itself; `digest` is `sha256:<hex>` of both."""

    metadata: CheckpointMetadata
    initialization: MetaInitialization
    digest: str
    encoder: Parameters = field(default_factory=dict)
    """Weights of the frozen encoder."""
    mixture: Mixture | None = None
    """Further initializations."""

    def serves(self, digest: str) -> bool:
        """Say whether models of the checkpoint with this digest can be served: its own, or an earlier one's."""
        return digest in (self.digest, *self.metadata.serves)


def save_checkpoint(
    path: Path,
    metadata: CheckpointMetadata,
    initialization: MetaInitialization,
    encoder: Parameters | None = None,
    mixture: Mixture | None = None,
) -> Checkpoint:
    """Write a checkpoint whole or not at all, and return it. The metadata's `count` and `mixture` follow the others."""
    spec = mixture and MixtureSpec(names=mixture.names, pictures=len(mixture.bank))
    metadata = metadata.model_copy(update={"count": initialization.count, "mixture": spec})
    encoder = encoder or {}
    groups = (
        (PARAMETERS, initialization.parameters),
        (MOMENTS, initialization.moments),
        (ENCODER, encoder),
        (MIXTURE, mixture.tensors() if mixture else {}),
    )
    named = {name: tensor for prefix, group in groups for name, tensor in prefixed(prefix, group).items()}
    tensors = {name: tensor.cpu().contiguous() for name, tensor in named.items()}
    document = metadata.model_dump_json()
    digest = _digest(document, tensors)
    replace_file(path, save(tensors, {"kshot": document, "digest": digest}))
    return Checkpoint(metadata, initialization, digest, encoder, mixture)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read and verify a checkpoint of any format so far. Raises CheckpointError, which says what is wrong."""
    header, tensors = _read(path)
    if "kshot" not in header or "digest" not in header:
        raise CheckpointError(
            f"{path} is a safetensors file, but not a kshot checkpoint: its header has no `kshot` entry."
        )
    if _digest(header["kshot"], tensors) != header["digest"]:
        raise CheckpointError(f"{path} was changed after it was saved: its digest does not match. Fetch it anew.")
    metadata = _parse(path, header["kshot"])
    initialization = MetaInitialization(under(PARAMETERS, tensors), under(MOMENTS, tensors), metadata.count)
    encoder, mixture = under(ENCODER, tensors), under(MIXTURE, tensors)
    _verify(path, metadata, initialization, encoder, mixture)
    further = from_tensors(metadata.mixture.names, mixture) if metadata.mixture else None
    return Checkpoint(metadata, initialization, header["digest"], encoder, further)


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
    if version not in range(1, FORMAT + 1):
        raise CheckpointError(f"{path} is of format {version}; this version of kshot reads formats 1 to {FORMAT}.")
    try:
        return CheckpointMetadata.model_validate(bring_up_to_date(raw))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} has metadata that does not make sense: {error}") from error


def _verify(
    path: Path, metadata: CheckpointMetadata, found: MetaInitialization, encoder: Parameters, mixture: Parameters
) -> None:
    """Raise CheckpointError unless the tensors are those of the architecture, of the right type and finite."""
    architecture, spec = metadata.build(), metadata.mixture
    further = kept_weights(spec, architecture.shapes(), architecture.network.summary) if spec else {}
    groups = (
        (PARAMETERS, _floats(architecture.shapes()), found.parameters),
        (MOMENTS, _floats(architecture.moment_shapes()), found.moments),
        (ENCODER, metadata.encoder.weights(), encoder),
        (MIXTURE, further, mixture),
    )
    for prefix, wanted, got in groups:
        for name in wanted.keys() | got.keys():
            _verify_tensor(f"{path}: tensor {prefix}{name}", wanted.get(name), got.get(name))
    if spec and int(mixture[OWNERS].max()) >= len(spec.names):
        raise CheckpointError(f"{path}: its bank has examples of an initialization that it hasn't. Fetch it anew.")


def _verify_tensor(place: str, wanted: Weight | None, got: Tensor | None) -> None:
    if wanted is None or got is None or wanted.shape != tuple(got.shape):
        raise CheckpointError(
            f"{place} is {'missing' if got is None else tuple(got.shape)}, "
            f"and the architecture in its metadata has {wanted.shape if wanted else 'no such tensor'}."
        )
    if got.dtype != wanted.dtype or not got.isfinite().all():
        kind = str(wanted.dtype).removeprefix("torch.")
        raise CheckpointError(f"{place} is not of finite {kind} numbers. Fetch it anew.")


def _floats(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Weight]:
    return {name: Weight(shape, torch.float32) for name, shape in shapes.items()}


def _digest(document: str, tensors: Mapping[str, Tensor]) -> str:
    total = sha256(document.encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"\n{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return f"sha256:{total.hexdigest()}"
