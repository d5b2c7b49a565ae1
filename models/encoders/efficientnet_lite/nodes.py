"""EfficientNet-Lite's layers as nodes of an ONNX graph; images are [B, C, H, W] here."""

import numpy as np

from models.encoders.efficientnet_lite.layers import MEAN, STD, Block, Layer
from models.export.graph import Graph
from models.parameters import Parameters


def add_normalized(graph: Graph, images: str) -> str:
    """Add (x − MEAN) / STD of uint8 images, as float32; return its name."""
    zero = graph.constant("zero", np.array(MEAN, dtype=np.uint8))
    return graph.add("DequantizeLinear", images, graph.number("scale", 1 / STD), zero)


def add_block(graph: Graph, weights: Parameters, block: Block, x: str, size: int) -> tuple[str, int]:
    """Add a block on `size` places a side; return its output and their number afterwards."""
    y = x
    for layer in block.layers:
        y, size = add_layer(graph, weights, layer, y, size)
    return (graph.add("Add", x, y) if block.residual else y), size


def add_layer(graph: Graph, weights: Parameters, layer: Layer, x: str, size: int) -> tuple[str, int]:
    """Add a layer on `size` places a side; return its output and their number afterwards."""
    names = (f"{layer.name}.weight", f"{layer.name}.bias")
    given = [graph.constant(name, weights[name].float().cpu().numpy()) for name in names]
    before, after = layer.padding(size)
    y = graph.add(
        "Conv",
        x,
        *given,
        kernel_shape=[layer.kernel] * 2,
        strides=[layer.stride] * 2,
        group=layer.groups,
        pads=[before, before, after, after],
    )
    return (add_relu6(graph, y) if layer.clipped else y), layer.places(size)


def add_relu6(graph: Graph, x: str) -> str:
    """Add min(max(x, 0), 6)."""
    return graph.add("Clip", x, graph.number("low", 0), graph.number("high", 6))
