"""Examples through the frozen encoder once, before a run that then sees what came of them alone."""

from dataclasses import replace
from typing import Any

import torch
from numpy.typing import NDArray
from tqdm import tqdm

from meta_training.config import TrainConfig
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import Split
from models.encoders.interface import Encode


def encoded(split: Split, config: TrainConfig, device: torch.device, *, progress: bool = False) -> Split:
    """Return the same classes as the run's encoder, with pretrained weights, makes ready for it.

    The test classes stay as they are: a run has no use for them but their names.
    """
    encode = config.encoder.build_ahead(
        config.encoder.pretrained(), config.input, device, threads=torch.get_num_threads()
    )
    parts = (split.training, split.validation)
    total = sum(len(images) for part in parts for images in part.images)
    with tqdm(total=total, desc="encoding", unit="example", disable=not progress, leave=False) as bar:
        training, validation = (_encode(part, encode, bar) for part in parts)
    return replace(split, training=training, validation=validation)


def _encode(classes: ImageClasses, encode: Encode, bar: "tqdm[None]") -> ImageClasses:
    return ImageClasses(classes.names, tuple(_features(images, encode, bar) for images in classes.images))


def _features(images: NDArray[Any], encode: Encode, bar: "tqdm[None]") -> NDArray[Any]:
    features: NDArray[Any] = encode(torch.from_numpy(images)).numpy()
    bar.update(len(images))
    return features
