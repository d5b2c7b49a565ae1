"""MiniLM as a torch network, which can be trained: the weights of the package in 8 bits, as numbers again."""

import re
from functools import partial

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from models.encoders.minilm.encoder import (
    FEATURES,
    LAYERS,
    MODEL_SHA256,
    Ids,
    by_length,
    mean_direction,
    model_file,
    padded,
)
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


def encode(model: nn.Module, ids: Ids) -> Tensor:
    """Return the vectors [B, F] of texts, of length 1, from the ids of their word pieces."""
    pieces, mask = padded(ids)
    return mean_direction(model(input_ids=pieces, attention_mask=mask).last_hidden_state, mask)


@torch.no_grad()
def encode_all(model: nn.Module, ids: Ids) -> Tensor:
    """Return the same of any number, those of about one length at a time."""
    model.eval()
    return by_length(ids, AT_ONCE, partial(encode, model))


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
