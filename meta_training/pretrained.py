"""Where a training run starts."""

from models.architecture import Architecture, MetaInitialization
from models.encoders.interface import Encoder
from models.parameters import Parameters


def start(architecture: Architecture, encoder: Encoder, seed: int) -> tuple[MetaInitialization, Parameters]:
    """Return theta before the first meta step, and the encoder's weights: pretrained where they are, else fresh.

    Raises WeightsError where pretrained weights are not installed.
    """
    fresh = architecture.initialize(seed)
    theta = fresh.parameters | architecture.network.pretrained()
    return MetaInitialization(theta, fresh.moments), encoder.pretrained()
