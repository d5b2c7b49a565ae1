"""What the service does with photos, the plain way: torch modules, one task, an optimizer from the shelf.

Decoding and the head's solver are the service's own. So are the numbers: a test holds that both give the same answers.
"""

import copy
import io
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from models.checkpoint import Checkpoint
from models.encoders.efficientnet_lite.layers import Layer, blocks
from models.encoders.efficientnet_lite.plain import encode
from models.heads.linear import HEAD_WEIGHT
from models.metadata import InnerSpec
from models.networks.last_block import QUARTERS, SMALLEST, LastBlock, regions
from models.parameters import Parameters, move


class Features(nn.Module):
    """The last block and the convolution after it, of x [B, C, H, W]: the image's and its quarters' means [B, F]."""

    def __init__(self, network: LastBlock, theta: Parameters) -> None:
        super().__init__()
        self.layers = nn.Sequential(_layers(network, theta))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        y = self.layers(x).flatten(start_dim=2)
        means = y @ regions(*x.shape[2:]).T
        parts = normalize((means + SMALLEST).sqrt(), dim=1).transpose(1, 2)
        shares = parts.new_tensor([1 / 2, *[1 / 2 / QUARTERS] * QUARTERS]).sqrt()
        return (parts * shares[:, None]).flatten(start_dim=1)


@dataclass(frozen=True)
class Model:
    """An adapted copy of the module, and the head [N, F] for it."""

    module: Features
    head: Tensor


class PlainWay:
    """One task after another, on all of torch's threads. Raises ValidationError for checkpoints not for photos."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        metadata = checkpoint.metadata
        self.network = LastBlock.model_validate(metadata.network.model_dump())
        self.inner: InnerSpec = metadata.inner
        self.input, self.solver = metadata.input, metadata.head
        self.encoder = move(checkpoint.encoder, torch.float32)
        self.theta = Features(self.network, checkpoint.initialization.parameters)

    def decode(self, files: Iterable[bytes]) -> Tensor:
        """Pictures uint8 [B, 3, size, size]."""
        return torch.stack([self._open(file) for file in files])

    def encode(self, images: Tensor) -> Tensor:
        """[B, C, H, W] of pictures, by torch, all at once."""
        return (
            encode(self.encoder, images, blocks(self.network.variant)[: self.network.first])
            .permute(0, 3, 1, 2)
            .contiguous()
        )

    def adapt(self, x: Tensor, labels: Tensor, ways: int, steps: int | None = None) -> Model:
        """Adam on a copy, by the service's default steps, with the head solved before each and after the last."""
        module = copy.deepcopy(self.theta)
        steps = self.inner.steps_for(int(torch.bincount(labels).min())) if steps is None else steps
        adam = torch.optim.Adam(self._groups(module), betas=(0.0, self.inner.beta2), eps=self.inner.epsilon)
        annealing = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: self.inner.share(step, max(1, steps)))
        for _ in range(steps):
            features = module(x)
            head = self._solve(features.detach(), labels, ways)
            adam.zero_grad()
            cross_entropy(features @ head.T, labels).backward()  # type: ignore[no-untyped-call]
            adam.step()
            annealing.step()
        with torch.no_grad():
            return Model(module, self._solve(module(x), labels, ways))

    def state(self, model: Model) -> dict[str, Tensor]:
        """What there is to keep of an adapted model."""
        return {**model.module.state_dict(), HEAD_WEIGHT: model.head}

    def restore(self, state: dict[str, Tensor]) -> Model:
        """The model of a state."""
        module = copy.deepcopy(self.theta)
        module.load_state_dict({name: tensor for name, tensor in state.items() if name != HEAD_WEIGHT})
        return Model(module, state[HEAD_WEIGHT])

    @torch.no_grad()
    def predict(self, model: Model, x: Tensor) -> Tensor:
        """Logits [B, N]."""
        logits: Tensor = model.module(x) @ model.head.T
        return logits

    def _open(self, file: bytes) -> Tensor:
        with Image.open(io.BytesIO(file)) as image:
            self.input.draft(image)
            return self.input.prepare(image)

    def _groups(self, module: Features) -> Sequence[dict[str, object]]:
        """Each layer's parameters at its own rate."""
        factors = self.inner.factors
        return [
            {"params": list(layer.parameters()), "lr": self.inner.learning_rate * factors.get(name.split("-")[0], 1.0)}
            for name, layer in module.layers.named_children()
        ]

    def _solve(self, features: Tensor, labels: Tensor, ways: int) -> Tensor:
        return self.solver.build(features[None], labels[None], torch.tensor([ways]))[HEAD_WEIGHT][0]


def _layers(network: LastBlock, theta: Parameters) -> "OrderedDict[str, nn.Module]":
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for layer in network.layers:
        name = layer.name.replace(".", "-")  # a dot cannot be in a module's name
        layers[name] = _convolution(theta, layer)
        if layer.clipped:
            layers[f"{name}-relu6"] = nn.ReLU6(inplace=True)
    return layers


def _convolution(theta: Parameters, layer: Layer) -> nn.Conv2d:
    """Of weights that have their inputs first."""
    module = nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding=layer.kernel // 2, groups=layer.groups)
    weight = theta[f"{layer.name}.weight"].T.reshape(layer.weight_shape)
    module.load_state_dict({"weight": weight, "bias": theta[f"{layer.name}.bias"].flatten()})
    return module
