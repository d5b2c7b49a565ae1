"""The adaptable networks as parts of an ONNX graph: what they do for one task."""

import torch
from onnx import TensorProto

from models.encoders.efficientnet_lite.onnx_graph import Graph
from models.encoders.efficientnet_lite.spec import TOP, EncoderSpec
from models.inputs.image import InputSpec
from models.learner import STATISTICS
from models.networks.conv4.block import EPSILON, KERNEL
from models.networks.conv4.network import HALVING, LAYERS, Conv4
from models.networks.last_block import QUARTERS, SMALLEST, LastBlock, regions
from models.networks.padding import places, same_padding
from models.parameters import Parameters

TINY = 1e-12  # least length of a vector that is brought to length 1, as in torch


def add_conv4(graph: Graph, network: Conv4, parameters: Parameters, spec: InputSpec, images: str) -> str:
    """Adds the network by its frozen statistics; returns features [B, F] of uint8 images [B, C, size, size]."""
    scale, shift = 1 / (255 * spec.std), -spec.mean / spec.std
    x = graph.add("Cast", images, to=TensorProto.FLOAT)
    x = graph.add("Add", graph.add("Mul", x, graph.number("scale", scale)), graph.number("shift", shift))
    size = network.size
    for layer in (f"conv{number}" for number in range(1, LAYERS + 1)):
        weight, bias = _folded(parameters, layer)
        before, after = same_padding(size, KERNEL, network.stride)
        names = graph.constant(f"{layer}.weight", weight.numpy()), graph.constant(f"{layer}.bias", bias.numpy())
        x = graph.add("Conv", x, *names, strides=[network.stride] * 2, pads=[before, before, after, after])
        if network.pool:
            window = [network.window] * 2
            x = graph.add("MaxPool", x, kernel_shape=window, strides=window, ceil_mode=1)
        x = graph.add("Relu", x)
        size = places(size, HALVING)
    return graph.add("Flatten", graph.add("Transpose", x, perm=[0, 2, 3, 1]))


def _folded(parameters: Parameters, layer: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight [F, C, 3, 3] and bias [F] of a convolution and the batch norm after it."""
    mean, variance = (parameters[f"{STATISTICS}{layer}.{name}"].double() for name in ("mean", "variance"))
    weight, gamma, beta = (parameters[f"{layer}.{name}"].double() for name in ("weight", "gamma", "beta"))
    scale = gamma * torch.rsqrt(variance + EPSILON)
    kernels = (weight * scale).view(KERNEL, KERNEL, -1, scale.shape[1]).permute(3, 2, 0, 1)
    return kernels.float().contiguous(), (beta - mean * scale).flatten().float()


def add_last_block(graph: Graph, network: LastBlock, spec: EncoderSpec, parameters: Parameters, images: str) -> str:
    """Adds encoder and network; returns features [B, F] of uint8 images [B, 3, size, size]."""
    graph.parameters = graph.parameters | _as_convolutions(network, parameters)
    x, _ = graph.encode(images, spec)
    height, width, _ = spec.shape
    x, size = graph.bottleneck(x, network.block, height)
    x, _ = graph.convolve(x, TOP, size)
    places = graph.add("Transpose", graph.reshape(x, 0, TOP.outputs, -1), perm=[0, 2, 1])
    means = graph.add("MatMul", graph.constant("regions", regions(height, width).numpy()), places)
    roots = graph.add("Sqrt", graph.add("Add", means, graph.number("smallest", SMALLEST)))
    lengths = graph.add("Max", graph.add("ReduceL2", roots, axes=[2], keepdims=1), graph.number("tiny", TINY))
    shares = torch.tensor([1 / 2, *[1 / 2 / QUARTERS] * QUARTERS]).sqrt()[:, None]
    parts = graph.add("Mul", graph.add("Div", roots, lengths), graph.constant("shares", shares.numpy()))
    return graph.add("Flatten", parts)


def _as_convolutions(network: LastBlock, parameters: Parameters) -> Parameters:
    """Its weights as the encoder's are: [O, I of a group, k, k]."""
    weights = {}
    for layer in (*network.block.layers, TOP):
        weight = parameters[f"{layer.name}.weight"]
        weights[f"{layer.name}.weight"] = weight.T.reshape(layer.weight_shape)
        weights[f"{layer.name}.bias"] = parameters[f"{layer.name}.bias"].flatten()
    return weights
