"""An adapted model as one ONNX file: encoder, adapted network, head, temperature and softmax."""

from collections.abc import Mapping

from onnx import TensorProto, helper

from models.checkpoint import Checkpoint
from models.estimates.familiarity import GAP, LEVEL, MEANS, START_MEANS, KnownSpec
from models.export.description import describe, parameters_of, temperature
from models.export.graph import EXAMPLES, Graph, batched
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.initializations.adapted import Adapted
from models.networks.statistics import statistics_of
from models.parameters import Parameters

FAMILIARITY, KNOWN = "familiarity", "known"


def build_onnx(checkpoint: Checkpoint, adapted: Adapted, labels: list[str], about: Mapping[str, str]) -> bytes:
    """Return a model from `images`, examples [B, ...] such as uint8 [B, C, size, size], to `probabilities` [B, N].

    Of a head that estimates numbers it gives `values` [B, D] instead.

    Where the model can tell it also gives `familiarity` [B], and `known` [B], whether that is enough to be one of the
    classes.

    Its metadata are what `describe` gives, and `about`.
    """
    graph, parameters, metadata = Graph(), parameters_of(checkpoint, adapted), checkpoint.metadata
    encoded = metadata.encoder.add_to(graph, checkpoint.encoder, metadata.input, EXAMPLES)
    features = metadata.network.add_to(graph, parameters, statistics_of(parameters), encoded)
    _add_head(graph, checkpoint, parameters, features)
    outputs = [batched(metadata.head.output, TensorProto.FLOAT, adapted.ways)]
    calibration = metadata.calibration
    if LEVEL in parameters and calibration and calibration.known:
        if START_MEANS in parameters:
            start = adapted.origin(checkpoint.initialization.parameters, checkpoint.mixture)
            features = metadata.network.add_to(graph.under("start."), start, {}, encoded)
        _add_familiarity(graph, parameters, features, calibration.known)
    elif MEANS in parameters and calibration and calibration.familiar:
        _add_nearest(graph, parameters, features, calibration.familiar)
    if any(FAMILIARITY in node.output for node in graph.nodes):
        outputs += [batched(FAMILIARITY, TensorProto.FLOAT), batched(KNOWN, TensorProto.BOOL)]
    example, dtype = metadata.encoder.exported(metadata.input)
    model = graph.model("kshot", example, dtype, outputs)
    helper.set_model_props(model, {**about, **describe(checkpoint, parameters, labels)})
    file: bytes = model.SerializeToString()
    return file


def _add_head(graph: Graph, checkpoint: Checkpoint, parameters: Parameters, features: str) -> None:
    weight = graph.constant("head.weight", parameters[HEAD_WEIGHT].numpy())
    bias = graph.constant("head.bias", parameters[HEAD_BIAS].numpy())
    divisor = graph.number("temperature", temperature(checkpoint, parameters))
    logits = graph.add("Gemm", features, weight, bias, transB=1)
    checkpoint.metadata.head.add_to(graph, graph.add("Div", logits, divisor))


def _add_familiarity(graph: Graph, parameters: Parameters, features: str, spec: KnownSpec) -> None:
    """Add what models.estimates.familiarity computes."""
    vectors = parameters[START_MEANS if START_MEANS in parameters else MEANS]
    directions = graph.normalize(features, axis=1)
    products = graph.add("Gemm", directions, graph.constant("vectors", vectors.numpy()), transB=1)
    first = graph.reduce("ReduceMax", products, 1, keepdims=False)
    mean = graph.reduce("ReduceMean", products, 1, keepdims=False)
    ways = len(vectors)
    # first + GAP · (first − (ways · mean − first) / (ways − 1)), as multiples of the largest and of the mean
    others = graph.add("Mul", mean, graph.number("share_of_mean", GAP * ways / (ways - 1)))
    lead = graph.add("Mul", first, graph.number("share_of_first", 1 + GAP * ways / (ways - 1)))
    found = graph.add("Sub", lead, others, output=FAMILIARITY)
    least = graph.number("least", float(spec.least(parameters[LEVEL])))
    graph.add("GreaterOrEqual", found, least, output=KNOWN)


def _add_nearest(graph: Graph, parameters: Parameters, features: str, least: float) -> None:
    cosines = graph.add("Gemm", features, graph.constant("means", parameters[MEANS].numpy()), transB=1)
    nearest = graph.reduce("ReduceMax", cosines, 1, keepdims=False, output=FAMILIARITY)
    graph.add("GreaterOrEqual", nearest, graph.number("familiar", least), output=KNOWN)
