"""What a run made of theta as one more initialization of a checkpoint (models/initializations/mixture.py)."""

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from meta_training.config import TrainConfig
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from meta_training.errors import RunError
from models.checkpoint import Checkpoint
from models.initializations.mixture import joined
from models.networks.interface import Network

BANK_PICTURES = 48
"""Most examples of a domain in the bank: of more, each tells less that is new, and every support set is compared with
all."""


def add_initialization(base: Checkpoint, made: Checkpoint, config: TrainConfig, classes: ImageClasses) -> Checkpoint:
    """Return `base` with what a run made of its theta beside it; `classes` are the run's, encoded.

    It has the run's name, and serves the models of the base it started with where those have no mixture's weights.
    Raises RunError where the run started from another theta.
    """
    theta = base.initialization.parameters
    moved = made.initialization.parameters
    change = {name: config.strength * (moved[name].cpu() - start) for name, start in theta.items()}
    metadata = made.metadata.model_copy(
        update={"serves": base.metadata.serves if base.mixture else (*base.metadata.serves, base.digest)}
    )
    owned = classes.of_domains(config.owns) if config.owns else classes
    domains = owned.by_domain().values() if config.by_domain else [owned]
    bank = torch.cat([_bank(base.metadata.network, domain, config.seed) for domain in domains])
    return replace(base, metadata=metadata, mixture=joined(base.mixture, config.initialization, change, bank))


def require_theta(base: Checkpoint, made: Checkpoint) -> None:
    """Raise RunError unless a run starts from the base's theta."""
    theirs = made.initialization.parameters
    if any(not torch.equal(tensor, theirs[name].cpu()) for name, tensor in base.initialization.parameters.items()):
        raise RunError(f"{base.metadata.name} has another theta than this run starts from: it can't be added to it.")


def _bank(network: Network, domain: ImageClasses, seed: int) -> Tensor:
    """Draw examples of a domain, and return their summaries [B, C]."""
    examples = np.concatenate(domain.images)
    chosen = generator(seed).permutation(len(examples))[:BANK_PICTURES]
    return network.summarize(torch.from_numpy(examples[chosen]))
