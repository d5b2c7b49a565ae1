"""The paper's networks written in the usual way in torch.nn, with one task's parameters."""

from collections import OrderedDict

from torch import Tensor, nn

from benchmarks.inner_loop.problem import WAYS
from models.heads.linear import HEAD_BIAS, HEAD_WEIGHT
from models.networks.conv4.block import EPSILON, KERNEL
from models.networks.conv4.network import LAYERS, Conv4
from models.networks.padding import same_padding
from models.parameters import Parameters

NORM = {"gamma": "weight", "beta": "bias"}


def textbook(network: Conv4, ways: int = WAYS, momentum: float | None = None) -> nn.Sequential:
    """Return a module from x [B, C, H, W] to logits [B, N]; with a momentum its batch norm keeps running statistics."""
    running = momentum is not None
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    side, channels, stride = network.size, network.channels, 1 if network.pool else 2
    for layer in range(1, LAYERS + 1):
        before, after = same_padding(side, KERNEL, stride)
        if before != after:  # nn.Conv2d pads both sides alike
            layers[f"pad{layer}"] = nn.ZeroPad2d((before, after, before, after))
        padding = before if before == after else 0
        layers[f"conv{layer}"] = nn.Conv2d(channels, network.filters, KERNEL, stride, padding, bias=False)
        layers[f"norm{layer}"] = nn.BatchNorm2d(network.filters, EPSILON, momentum, track_running_stats=running)
        if network.pool:
            layers[f"pool{layer}"] = nn.MaxPool2d(2, ceil_mode=True)
        layers[f"relu{layer}"] = nn.ReLU(inplace=True)
        side, channels = -(-side // 2), network.filters
    layers["flatten"] = nn.Flatten()
    layers["head"] = nn.Linear(network.features, ways)
    return nn.Sequential(layers)


def to_textbook(network: Conv4, ours: Parameters) -> Parameters:
    """Return one task's parameters with the names and layouts of `textbook`."""
    theirs = {HEAD_BIAS: ours[HEAD_BIAS]}
    for layer in range(1, LAYERS + 1):
        kernel = ours[f"conv{layer}.weight"].view(KERNEL, KERNEL, -1, network.filters)
        theirs[f"conv{layer}.weight"] = kernel.permute(3, 2, 0, 1)
        theirs |= {f"norm{layer}.{name}": ours[f"conv{layer}.{part}"].flatten() for part, name in NORM.items()}
    side = _last_side(network)
    rows = ours[HEAD_WEIGHT].view(-1, side, side, network.filters)
    theirs[HEAD_WEIGHT] = rows.permute(0, 3, 1, 2).flatten(start_dim=1)
    return theirs


def from_textbook(network: Conv4, theirs: Parameters) -> Parameters:
    """Return the inverse of `to_textbook`."""
    ours = {HEAD_BIAS: theirs[HEAD_BIAS]}
    for layer in range(1, LAYERS + 1):
        kernel = theirs[f"conv{layer}.weight"]
        ours[f"conv{layer}.weight"] = kernel.permute(2, 3, 1, 0).reshape(-1, network.filters)
        ours |= {f"conv{layer}.{part}": theirs[f"norm{layer}.{name}"][None] for part, name in NORM.items()}
    side = _last_side(network)
    rows = theirs[HEAD_WEIGHT].view(-1, network.filters, side, side)
    ours[HEAD_WEIGHT] = rows.permute(0, 2, 3, 1).flatten(start_dim=1)
    return ours


def images(x: Tensor) -> Tensor:
    """[..., H, W, C] → [..., C, H, W]."""
    return x.movedim(-1, -3).contiguous()


def _last_side(network: Conv4) -> int:
    return int((network.features // network.filters) ** 0.5)
