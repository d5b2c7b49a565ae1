"""The three sets of intents, encoded once."""

import csv
import io
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from meta_training.data.texts import OUT_OF_SCOPE
from models.encoders.interface import Encode
from models.inputs.interface import Input
from models.tables.texts import read_rows

NAMES = {"banking77": "BANKING77", "clinc150": "CLINC150", "hwu64": "HWU64"}
AT_ONCE = 256


@dataclass(frozen=True)
class TextSet:
    """Texts with labels and encoded; `train` are those to draw support sets from, by class, `test` all that are asked.

    Numbers are places among `texts`. Classes are in the order of their names.
    """

    name: str
    classes: list[str]
    texts: list[str]
    vectors: Tensor
    train: list[Tensor]
    test: Tensor
    answers: Tensor
    strangers: Tensor
    """Queries that are of no class."""


def read_sets(data: Path, spec: Input, encode: Encode, digest: str, cache: Path | None) -> list[TextSet]:
    """Read and encode those in `data` or its folder `intents`; `cache` keeps vectors, by the encoder's digest."""
    folder = data if (data / "hwu64.csv").exists() else data / "intents"
    return [_read(folder, name, spec, encode, digest, cache) for name in NAMES]


def _read(folder: Path, name: str, spec: Input, encode: Encode, digest: str, cache: Path | None) -> TextSet:
    data = (folder / f"{name}.csv").read_bytes()
    rows = read_rows(data, labelled=True)
    parts = _parts(data)
    classes = sorted({row.label for row in rows} - {OUT_OF_SCOPE})
    place = {label: number for number, label in enumerate(classes)}
    wanted = [number for number, part in enumerate(parts) if part in ("train", "test", "oos-test")]
    rows, parts = [rows[number] for number in wanted], [parts[number] for number in wanted]
    train: list[list[int]] = [[] for _ in classes]
    for number, (row, part) in enumerate(zip(rows, parts, strict=True)):
        if part == "train":
            train[place[row.label]].append(number)
    test = [number for number, part in enumerate(parts) if part == "test"]
    texts = [row.text for row in rows]
    return TextSet(
        name=NAMES[name],
        classes=classes,
        texts=texts,
        vectors=_vectors(name, texts, spec, encode, digest, cache),
        train=[torch.tensor(numbers) for numbers in train],
        test=torch.tensor(test),
        answers=torch.tensor([place[rows[number].label] for number in test]),
        strangers=torch.tensor([number for number, part in enumerate(parts) if part == "oos-test"], dtype=torch.long),
    )


def _parts(data: bytes) -> list[str]:
    """The column `split`."""
    return [row["split"] for row in csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))]


def _vectors(name: str, texts: list[str], spec: Input, encode: Encode, digest: str, cache: Path | None) -> Tensor:
    key = sha256("\n".join([digest, *texts]).encode()).hexdigest()[:16]
    file = cache / f"{name}-{key}.safetensors" if cache else None
    if file and file.exists():
        return load_file(file)["vectors"]
    parts = [texts[start : start + AT_ONCE] for start in range(0, len(texts), AT_ONCE)]
    found = torch.cat([encode(torch.stack([*map(spec.prepare, part)])) for part in tqdm(parts, desc=name, leave=False)])
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"vectors": found.contiguous()}, file)
    return found
