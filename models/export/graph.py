"""An ONNX model while it is built: nodes and constants, to which each part of a learner adds its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, compose, helper, numpy_helper

OPSET, IR_VERSION = 17, 8  # of 2022: every ONNX Runtime that Python 3.11 can have reads them
AXES_ARE_AN_INPUT = 18  # the opset from which reductions have their axes as an input, not as an attribute
EXAMPLES = "images"
"""Name of every graph's input."""
_ELEMENT_TYPES = {torch.uint8: TensorProto.UINT8, torch.float32: TensorProto.FLOAT, torch.int64: TensorProto.INT64}


@dataclass
class Graph:
    """Nodes and constants as they are added; tensors go by their names."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    opsets: dict[str, int] = field(default_factory=lambda: {"": OPSET})
    """Versions of the operators, by domain; "" is ONNX's own."""
    ir_version: int = IR_VERSION
    prefix: str = ""
    """Of the names of constants."""

    def under(self, prefix: str) -> "Graph":
        """Return the same graph, in which constants are named after a prefix: for a part that is there twice."""
        return replace(self, prefix=self.prefix + prefix)

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operator, and return the name of its output."""
        output = output or f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant, once, and return its name."""
        name = self.prefix + name
        self.constants[name] = numpy_helper.from_array(value, name)
        return name

    def number(self, name: str, value: float) -> str:
        """Add a constant number, in single precision."""
        return self.constant(name, np.array(value, dtype=np.float32))

    def reshape(self, x: str, *shape: int) -> str:
        """Add a change of shape; 0 leaves an axis as it is, and −1 is what is left."""
        name = "shape_" + "_".join(map(str, shape))
        return self.add("Reshape", x, self.constant(name, np.array(shape, dtype=np.int64)))

    def split(self, x: str, *sizes: int, axis: int) -> list[str]:
        """Add a split of an axis into parts of these sizes; return their names."""
        parts = [f"Split_{len(self.nodes)}_{place}" for place in range(len(sizes))]
        given = self.constant("sizes_" + "_".join(map(str, sizes)), np.array(sizes, dtype=np.int64))
        self.nodes.append(helper.make_node("Split", [x, given], parts, axis=axis))
        return parts

    def reduce(self, operator: str, x: str, *axes: int, keepdims: bool, output: str = "") -> str:
        """Add a reduction over axes, such as ReduceMean."""
        if self.opsets[""] < AXES_ARE_AN_INPUT:
            return self.add(operator, x, output=output, axes=axes, keepdims=int(keepdims))
        given = self.constant("axes_" + "_".join(map(str, axes)), np.array(axes, dtype=np.int64))
        return self.add(operator, x, given, output=output, keepdims=int(keepdims))

    def integer(self, name: str, value: int) -> str:
        """Add a constant whole number."""
        return self.constant(name, np.array(value, dtype=np.int64))

    def normalize(self, x: str, axis: int) -> str:
        """Add what brings vectors along an axis to length 1, as torch's `normalize` does."""
        lengths = self.reduce("ReduceL2", x, axis, keepdims=True)
        return self.add("Div", x, self.add("Max", lengths, self.number("tiny", 1e-12)))

    def merge(self, model: ModelProto, prefix: str, inputs: Mapping[str, str], outputs: Sequence[str]) -> list[str]:
        """Add a whole model, its names after `prefix`; return the names of some outputs.

        `inputs` says which of our tensors each of its inputs is. The versions of its operators become the graph's own,
        so that it has to come before what depends on these.
        """
        self.opsets |= {each.domain: each.version for each in model.opset_import}
        self.ir_version = max(self.ir_version, model.ir_version)
        added = compose.add_prefix(model, prefix).graph
        for theirs, ours in inputs.items():
            self.add("Identity", ours, output=prefix + theirs)
        self.nodes += added.node
        self.constants |= {each.name: each for each in added.initializer}
        return [prefix + output for output in outputs]

    def model(
        self, name: str, example: tuple[int | str, ...], dtype: torch.dtype, outputs: Sequence[ValueInfoProto]
    ) -> ModelProto:
        """Return the whole: from EXAMPLES, [B, *example] of `dtype`, to `outputs`."""
        examples = batched(EXAMPLES, _ELEMENT_TYPES[dtype], *example)
        graph = helper.make_graph(self.nodes, name, [examples], list(outputs), list(self.constants.values()))
        opsets = [helper.make_opsetid(domain, version) for domain, version in self.opsets.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=self.ir_version, producer_name="kshot")


def batched(name: str, kind: int, *shape: int | str) -> ValueInfoProto:
    """Return the description of an input or output [B, *shape]."""
    return helper.make_tensor_value_info(name, kind, ["B", *shape])
