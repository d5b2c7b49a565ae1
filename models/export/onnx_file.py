"""An adapted model as one ONNX file: encoder, adapted network, head, temperature and softmax."""

from collections.abc import Mapping

from onnx import TensorProto, helper

from models.checkpoint import Checkpoint
from models.estimates.familiarity import MEANS
from models.export.description import describe, parameters_of
from models.export.graph import EXAMPLES, Graph, batched
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.initializations.adapted import Adapted
from models.networks.statistics import statistics_of
from models.parameters import Parameters

PROBABILITIES, FAMILIARITY, KNOWN = "probabilities", "familiarity", "known"


def build_onnx(checkpoint: Checkpoint, adapted: Adapted, labels: list[str], about: Mapping[str, str]) -> bytes:
    """Return a model from `images`, examples [B, ...] such as uint8 [B, C, size, size], to `probabilities` [B, N].

    Where the checkpoint has a calibration it also gives `familiarity` [B], the largest cosine of the features with a
    class mean, and `known` [B], whether that is enough.

    Its metadata are what `describe` gives, and `about`.
    """
    graph, parameters, metadata = Graph(), parameters_of(checkpoint, adapted), checkpoint.metadata
    encoded = metadata.encoder.add_to(graph, checkpoint.encoder, metadata.input, EXAMPLES)
    features = metadata.network.add_to(graph, parameters, statistics_of(parameters), encoded)
    _add_softmax(graph, checkpoint, parameters, features)
    outputs = [batched(PROBABILITIES, TensorProto.FLOAT, adapted.ways)]
    if metadata.calibration and MEANS in parameters:
        _add_familiarity(graph, parameters, features, metadata.calibration.familiar)
        outputs += [batched(FAMILIARITY, TensorProto.FLOAT), batched(KNOWN, TensorProto.BOOL)]
    model = graph.model("kshot", metadata.input.example, metadata.input.dtype, outputs)
    helper.set_model_props(model, {**about, **describe(checkpoint, labels)})
    file: bytes = model.SerializeToString()
    return file


def _add_softmax(graph: Graph, checkpoint: Checkpoint, parameters: Parameters, features: str) -> None:
    calibration = checkpoint.metadata.calibration
    weight = graph.constant("head.weight", parameters[HEAD_WEIGHT].numpy())
    bias = graph.constant("head.bias", parameters[HEAD_BIAS].numpy())
    temperature = graph.number("temperature", calibration.temperature if calibration else 1)
    logits = graph.add("Gemm", features, weight, bias, transB=1)
    graph.add("Softmax", graph.add("Div", logits, temperature), output=PROBABILITIES, axis=1)


def _add_familiarity(graph: Graph, parameters: Parameters, features: str, least: float) -> None:
    cosines = graph.add("Gemm", features, graph.constant("means", parameters[MEANS].numpy()), transB=1)
    nearest = graph.reduce("ReduceMax", cosines, 1, keepdims=False, output=FAMILIARITY)
    graph.add("GreaterOrEqual", nearest, graph.number("familiar", least), output=KNOWN)
