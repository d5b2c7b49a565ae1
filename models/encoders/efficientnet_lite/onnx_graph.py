"""The encoder as an ONNX model, built in memory from the same weights and the same list of layers as the torch one.

`Graph` is also what exported models are built with.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from models.encoders.efficientnet_lite.spec import MEAN, STD, STEM, Block, EncoderSpec, Layer
from models.parameters import Parameters

OPSET, IR_VERSION = 17, 8  # of 2022: every ONNX Runtime that Python 3.11 can have reads them
IMAGES, PLACES, POOLED = "images", "places", "pooled"


def build_model(parameters: Parameters, spec: EncoderSpec) -> bytes:
    """An ONNX model, serialized: `images` uint8 [B, 3, size, size] → `places` [B, H, W, C] and `pooled` [B, F].

    There is no `pooled` where the spec has no taps.
    """
    graph = Graph(parameters)
    x, means = graph.encode(IMAGES, spec)
    graph.add("Transpose", x, output=PLACES, perm=[0, 2, 3, 1])
    if means:
        graph.add("Concat", *means, output=POOLED, axis=1)
    shapes = {PLACES: spec.shape} | ({POOLED: (spec.pooled,)} if spec.taps else {})
    outputs = [batched(name, TensorProto.FLOAT, *shape) for name, shape in shapes.items()]
    model: bytes = graph.model("encoder", (3, spec.size, spec.size), outputs).SerializeToString()
    return model


@dataclass
class Graph:
    """Nodes and constants as they are added; tensors go by their names."""

    parameters: Parameters
    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Adds an operator, and returns the name of its output."""
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        """Adds a constant, once, and returns its name."""
        self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def number(self, name: str, value: float) -> str:
        """Adds a constant number, in single precision."""
        return self.constant(name, np.array(value, dtype=np.float32))

    def reshape(self, x: str, *shape: int) -> str:
        """Adds a change of shape; 0 leaves an axis as it is, and −1 is what is left."""
        name = "shape_" + "_".join(map(str, shape))
        return self.add("Reshape", x, self.constant(name, np.array(shape, dtype=np.int64)))

    def encode(self, images: str, spec: EncoderSpec) -> tuple[str, list[str]]:
        """Adds the encoder; returns its output [B, C, H, W] and the means of the tapped blocks' outputs."""
        x, size = self.convolve(self.normalize(images), STEM, spec.size)
        means = []
        for block in spec.blocks:
            x, size = self.bottleneck(x, block, size)
            if block.number in spec.taps:
                means.append(self.add("ReduceMean", x, axes=[2, 3], keepdims=0))  # GlobalAveragePool rounds more
        return x, means

    def normalize(self, images: str) -> str:
        """(x − MEAN) / STD of uint8, as float32."""
        zero = self.constant("zero", np.array(MEAN, dtype=np.uint8))
        return self.add("DequantizeLinear", images, self.number("scale", 1 / STD), zero)

    def bottleneck(self, x: str, block: Block, size: int) -> tuple[str, int]:
        """Adds a block on `size` places a side; returns its output and their number afterwards."""
        y = x
        for layer in block.layers:
            y, size = self.convolve(y, layer, size)
        return (self.add("Add", x, y) if block.residual else y), size

    def convolve(self, x: str, layer: Layer, size: int) -> tuple[str, int]:
        """Adds a layer on `size` places a side; returns its output and their number afterwards."""
        names = (f"{layer.name}.weight", f"{layer.name}.bias")
        weights = [self.constant(name, self.parameters[name].float().cpu().numpy()) for name in names]
        before, after = layer.padding(size)
        y = self.add(
            "Conv",
            x,
            *weights,
            kernel_shape=[layer.kernel] * 2,
            strides=[layer.stride] * 2,
            group=layer.groups,
            pads=[before, before, after, after],
        )
        return (self._relu6(y) if layer.clipped else y), layer.places(size)

    def model(self, name: str, image: tuple[int, int, int], outputs: Sequence[ValueInfoProto]) -> ModelProto:
        """The whole, from `images`, uint8 [B, *image], to `outputs`."""
        images = batched(IMAGES, TensorProto.UINT8, *image)
        graph = helper.make_graph(self.nodes, name, [images], list(outputs), list(self.constants.values()))
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="kshot")

    def _relu6(self, x: str) -> str:
        return self.add("Clip", x, self.number("low", 0), self.number("high", 6))


def batched(name: str, kind: int, *shape: int) -> ValueInfoProto:
    """An input or output [B, *shape]."""
    return helper.make_tensor_value_info(name, kind, ["B", *shape])
