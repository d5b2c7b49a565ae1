"""An adapted model as one ONNX file: encoder, adapted network, head, temperature and softmax."""

from collections.abc import Mapping

from onnx import TensorProto, helper

from models.checkpoint import Checkpoint
from models.encoders.efficientnet_lite.onnx_graph import IMAGES, Graph, batched
from models.export.description import describe, parameters_of
from models.export.networks import add_conv4, add_last_block
from models.heads.heads import HEAD_BIAS, HEAD_WEIGHT
from models.learner import MEANS, Adapted
from models.networks.conv4.network import Conv4
from models.networks.last_block import LastBlock
from models.parameters import Parameters

PROBABILITIES, FAMILIARITY, KNOWN = "probabilities", "familiarity", "known"


def build_onnx(checkpoint: Checkpoint, adapted: Adapted, labels: list[str], about: Mapping[str, str]) -> bytes:
    """`images` uint8 [B, C, size, size] → `probabilities` [B, N], and where the checkpoint has a calibration
    `familiarity` [B], the largest cosine of the features with a class mean, and `known` [B], if that is enough.

    Its metadata are what `describe` gives, and `about`.
    """
    parameters, spec = parameters_of(checkpoint, adapted), checkpoint.metadata.input
    graph = Graph(checkpoint.encoder)
    features = _add_network(graph, checkpoint, parameters)
    _add_softmax(graph, checkpoint, parameters, features)
    outputs = [batched(PROBABILITIES, TensorProto.FLOAT, adapted.ways)]
    if checkpoint.metadata.calibration and MEANS in parameters:
        _add_familiarity(graph, parameters, features, checkpoint.metadata.calibration.familiar)
        outputs += [batched(FAMILIARITY, TensorProto.FLOAT), batched(KNOWN, TensorProto.BOOL)]
    model = graph.model("kshot", (spec.channels, spec.size, spec.size), outputs)
    helper.set_model_props(model, {**about, **describe(checkpoint, labels)})
    file: bytes = model.SerializeToString()
    return file


def _add_network(graph: Graph, checkpoint: Checkpoint, parameters: Parameters) -> str:
    network, metadata = checkpoint.metadata.build().network, checkpoint.metadata
    if isinstance(network, LastBlock) and metadata.encoder:
        return add_last_block(graph, network, metadata.encoder, parameters, IMAGES)
    if isinstance(network, Conv4):
        return add_conv4(graph, network, parameters, metadata.input, IMAGES)
    raise TypeError(f"there is no export of {type(network).__name__}")


def _add_softmax(graph: Graph, checkpoint: Checkpoint, parameters: Parameters, features: str) -> None:
    calibration = checkpoint.metadata.calibration
    weight = graph.constant("head.weight", parameters[HEAD_WEIGHT].numpy())
    bias = graph.constant("head.bias", parameters[HEAD_BIAS].numpy())
    temperature = graph.number("temperature", calibration.temperature if calibration else 1)
    logits = graph.add("Gemm", features, weight, bias, transB=1)
    graph.add("Softmax", graph.add("Div", logits, temperature), output=PROBABILITIES, axis=1)


def _add_familiarity(graph: Graph, parameters: Parameters, features: str, least: float) -> None:
    cosines = graph.add("Gemm", features, graph.constant("means", parameters[MEANS].numpy()), transB=1)
    nearest = graph.add("ReduceMax", cosines, output=FAMILIARITY, axes=[1], keepdims=0)
    graph.add("GreaterOrEqual", nearest, graph.number("familiar", least), output=KNOWN)
