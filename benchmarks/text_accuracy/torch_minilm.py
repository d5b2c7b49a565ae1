"""MiniLM as a torch network, which can be trained: the weights of the package in 8 bits, as numbers again."""

import re
from collections.abc import Sequence

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils.rnn import pad_sequence

from models.encoders.minilm.encoder import FEATURES, LAYERS, MODEL_SHA256, model_file
from models.parameters import Parameters

HEADS, WIDE = 12, 1536
PREFIX = "inner."
OF_A_LAYER = (
    *(f"attention.self.{name}" for name in ("query", "key", "value")),
    *("attention.output.dense", "intermediate.dense", "output.dense"),
)
"""The matrices of a layer, in the order of the file, where they have numbers for names."""
AT_ONCE = 64


def load_minilm() -> nn.Module:
    """Return it with its weights, by the library transformers."""
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": FEATURES, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
    model = BertModel(BertConfig(**sizes, intermediate_size=WIDE), add_pooling_layer=False)
    model.load_state_dict(_weights(), strict=False)
    return model


def encode(model: nn.Module, ids: Sequence[Sequence[int]]) -> Tensor:
    """Return the vectors [B, F] of texts, of length 1, from the ids of their word pieces."""
    padded = pad_sequence([torch.tensor(each) for each in ids], batch_first=True)
    mask = (padded != 0).long()
    states = model(input_ids=padded, attention_mask=mask).last_hidden_state
    return normalize((states * mask.unsqueeze(2)).sum(dim=1), dim=1)


@torch.no_grad()
def encode_all(model: nn.Module, ids: Sequence[Sequence[int]]) -> Tensor:
    """Return the same of any number, those of about one length at a time."""
    model.eval()
    order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
    groups = [order[start : start + AT_ONCE] for start in range(0, len(order), AT_ONCE)]
    found = torch.cat([encode(model, [ids[place] for place in group]) for group in groups])
    return found[torch.tensor(order).argsort()]


def _weights() -> Parameters:
    """Return the weights by the names that transformers has for them."""
    stored = onnx.load_from_string(model_file(MODEL_SHA256)).graph.initializer
    read = {each.name: torch.from_numpy(numpy_helper.to_array(each).copy()) for each in stored}
    whole = {name.removesuffix("_q"): read[name] for name in read if name.endswith("_q")}
    scaled = {name: number * read[f"{name}_scale"] for name, number in whole.items()}
    matrices = sorted((name for name in scaled if re.fullmatch(r"val_\d+", name)), key=lambda name: int(name[4:]))
    found = {name.removeprefix(PREFIX): each for name, each in (read | scaled).items() if name.startswith(PREFIX)}
    for place, name in enumerate(matrices):
        layer, part = divmod(place, len(OF_A_LAYER))
        found[f"encoder.layer.{layer}.{OF_A_LAYER[part]}.weight"] = scaled[name].T.contiguous()
    return found
