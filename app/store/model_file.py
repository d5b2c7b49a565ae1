"""A model as a safetensors file, whose beginning says all but the tensors."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from safetensors.torch import load, save

from app.store.interface import Stored, Tensors
from app.store.records import ModelRecord

SUFFIX = ".safetensors"
LENGTH_BYTES = 8  # the file begins with the length of its header, little-endian
HEADER_BYTES = 16384  # most headers are smaller, with their length


@dataclass(frozen=True)
class Header:
    """What a file says in front of its tensors; `images` names the model's images, where its id doesn't."""

    record: ModelRecord
    images: str | None = None


def encode(stored: Stored, images: str | None = None) -> bytes:
    """Return the contents of a model's file."""
    metadata = {"model": stored.record.write().decode()} | ({"images": images} if images else {})
    return save(dict(stored.tensors), metadata=metadata)


def tensors_of(contents: bytes) -> Tensors:
    """Return the tensors of a whole file. Raises SafetensorError."""
    return load(contents)


def bytes_needed(start: bytes) -> int:
    """Return how many first bytes of a file `header_of` needs, as the first LENGTH_BYTES say."""
    return LENGTH_BYTES + int.from_bytes(start[:LENGTH_BYTES], "little")


def header_of(start: bytes, size: int) -> Header:
    """Return the header of a file, given its first bytes and its size in bytes.

    Raises ValueError, KeyError or TypeError for a file that is damaged or cut short; RecordTooNew or RecordOutdated.
    """
    header: dict[str, Any] = json.loads(start[LENGTH_BYTES : bytes_needed(start)])
    metadata = header.pop("__metadata__")
    whole = bytes_needed(start) + max(tensor["data_offsets"][1] for tensor in header.values())
    if size != whole:
        raise ValueError(f"it has {size} bytes, not {whole}")
    return Header(ModelRecord.read(metadata["model"]), metadata.get("images"))
