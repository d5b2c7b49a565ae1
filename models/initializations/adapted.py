"""An adapted model: all that differs from its checkpoint, and the parameters that the two make together."""

from dataclasses import dataclass

from torch import Tensor

from models.heads.linear import HEAD_BIAS
from models.initializations.mixture import WEIGHTS, Mixture
from models.networks.interface import Network
from models.parameters import Parameters


@dataclass(frozen=True)
class Adapted:
    """What is kept of an adapted model, without a task dimension."""

    tensors: Parameters

    @property
    def ways(self) -> int:
        """N."""
        return len(self.tensors[HEAD_BIAS])

    def parameters(self, network: Network, theta: Parameters, mixture: Mixture | None) -> Parameters:
        """Return the adapted network, its head and its statistics in full precision."""
        kept = dict(self.tensors)
        weights = kept.pop(WEIGHTS, None)
        return network.unpack(kept, origin(theta, mixture, weights))


def origin(theta: Parameters, mixture: Mixture | None, weights: Tensor | None) -> Parameters:
    """Return what a model was adapted from: theta where it has no weights [M] of a mixture, as in earlier versions."""
    if mixture is None or weights is None:
        return theta
    return {name: tensor[0] for name, tensor in mixture.start(theta, weights.float().unsqueeze(0)).items()}
