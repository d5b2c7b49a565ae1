"""An ONNX model as it runs: ONNX Runtime with the settings that serving needs."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from onnx import TensorProto
from onnxruntime import InferenceSession, SessionOptions, get_available_providers
from torch import Tensor

from models.encoders.interface import Encode, Encoder, encode_in_parts
from models.export.graph import EXAMPLES, Graph, batched
from models.inputs.interface import Input
from models.parameters import Parameters

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ERRORS = 3  # a log level
AT_ONCE = 4  # images: as fast as one, they stay in the caches, and with threads they wait less for one another


class OnnxSession:
    """A model of which mostly one output is asked for. Any number of threads may call it at once."""

    def __init__(
        self, model: bytes, inputs: str | Sequence[str], output: str, device: torch.device, threads: int
    ) -> None:
        """Load a model whose `inputs` a call gives, in this order; the name of the only one is enough."""
        options = SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ERRORS
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores are the inner loop's too
        offered = [CUDA] if device.type == "cuda" and CUDA in get_available_providers() else []
        self._session = InferenceSession(model, options, providers=[*offered, CPU])
        self._inputs = [inputs] if isinstance(inputs, str) else inputs
        self._output, self.device = output, device

    def __call__(self, *inputs: Tensor) -> Tensor:
        """Return the output, on the session's device."""
        return self.run(inputs, [self._output])[0]

    @property
    def outputs(self) -> list[str]:
        """The names of all that it can give."""
        return [each.name for each in self._session.get_outputs()]

    @property
    def about(self) -> Mapping[str, str]:
        """What the model says of itself."""
        found: Mapping[str, str] = self._session.get_modelmeta().custom_metadata_map
        return found

    def run(self, inputs: Sequence[Tensor], outputs: Sequence[str]) -> list[Tensor]:
        """Return several outputs, all on the session's device."""
        given = {name: x.cpu().numpy() for name, x in zip(self._inputs, inputs, strict=True)}
        found = self._session.run(list(outputs), given)
        return [torch.from_numpy(np.ascontiguousarray(each)).to(self.device) for each in found]


def by_onnx_runtime(encoder: Encoder, weights: Parameters, source: Input, threads: int) -> Encode:
    """Return what encodes images on a CPU by the nodes that the encoder adds to a graph."""
    graph = Graph()
    output = encoder.add_to(graph, weights, source, EXAMPLES)
    shape = batched(output, TensorProto.FLOAT, *encoder.output(source))
    model = graph.model("encoder", source.example, source.dtype, [shape]).SerializeToString()
    session = OnnxSession(model, EXAMPLES, output, torch.device("cpu"), threads)
    return lambda images: encode_in_parts(session, images, AT_ONCE)
