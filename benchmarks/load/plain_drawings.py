"""What the service does with drawings, the plain way: torch modules, one task, an optimizer from the shelf.

A test holds that it gives the service's answers.
"""

import io
from collections.abc import Iterable

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.inner_loop.textbook import images, textbook, to_textbook
from models.checkpoint import Checkpoint
from models.heads.linear import HEAD_BIAS
from models.networks.conv4.network import Conv4
from models.tasks import TaskBatch


class PlainDrawings:
    """One task after another, on all of torch's threads. For a checkpoint of drawings, `omniglot`."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        metadata = checkpoint.metadata
        self.input, self.inner = metadata.input, metadata.inner
        self.architecture, self.theta = metadata.build(), checkpoint.initialization

    def decode(self, files: Iterable[bytes]) -> Tensor:
        """Pictures uint8 [B, 1, size, size]."""
        return torch.stack([self._open(file) for file in files])

    def encode(self, pictures: Tensor) -> Tensor:
        """[B, C, H, W]."""
        return images(self.input.normalize(pictures))

    def adapt(self, x: Tensor, labels: Tensor, ways: int, steps: int | None = None) -> nn.Module:
        """Adam on a copy, from class means as the head; batch norm then keeps the support set's statistics."""
        module = self._start(x, labels, ways)
        adam = torch.optim.Adam(module.parameters(), self.inner.learning_rate, betas=(0.0, self.inner.beta2))
        for _ in range(self.inner.steps if steps is None else steps):
            adam.zero_grad()
            cross_entropy(module(x), labels).backward()  # type: ignore[no-untyped-call]
            adam.step()
        with torch.no_grad():
            module(x)  # for the statistics under the final weights
        return module

    def state(self, module: nn.Module) -> dict[str, Tensor]:
        """What there is to keep of an adapted module."""
        return module.state_dict()

    def restore(self, state: dict[str, Tensor]) -> nn.Module:
        """The module of a state."""
        module = self._module(len(state[HEAD_BIAS]))
        module.load_state_dict(state)
        return module.eval()

    @torch.no_grad()
    def predict(self, module: nn.Module, x: Tensor) -> Tensor:
        """Logits [B, N]."""
        logits: Tensor = module(x)
        return logits

    def _start(self, x: Tensor, labels: Tensor, ways: int) -> nn.Module:
        """A copy of theta, with the head that the service starts from."""
        batch = TaskBatch(x.movedim(1, -1)[None].contiguous(), labels[None], torch.tensor([ways]))
        parameters, _ = self.architecture.start(self.theta, batch)
        ours = {name: tensor[0] for name, tensor in parameters.items()}
        module = self._module(ways)
        module.load_state_dict(to_textbook(self._network, ours), strict=False)
        return module

    def _module(self, ways: int) -> nn.Module:
        """With batch norm that remembers the last batch."""
        return textbook(self._network, ways, momentum=1.0)

    @property
    def _network(self) -> Conv4:
        network = self.architecture.network
        if not isinstance(network, Conv4):
            raise TypeError("The checkpoint is not for drawings.")
        return network

    def _open(self, file: bytes) -> Tensor:
        with Image.open(io.BytesIO(file)) as image:
            return self.input.prepare(image)
