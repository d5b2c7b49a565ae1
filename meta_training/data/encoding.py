"""Images through the frozen encoder once, before a run that then sees what came of them alone."""

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import Split
from meta_training.pretrained import imagenet_weights
from models.encoders.efficientnet_lite.runtime import Encoder, build_encoder
from models.encoders.efficientnet_lite.spec import EncoderSpec


def encoded(split: Split, spec: EncoderSpec | None, device: torch.device, *, progress: bool = False) -> Split:
    """The same classes as float16 features, by a frozen encoder if there is one."""
    if spec is None:
        return split
    encoder = build_encoder(imagenet_weights(), spec, device, threads=torch.get_num_threads())
    parts = (split.training, split.validation, split.test)
    total = sum(len(images) for part in parts for images in part.images)
    with tqdm(total=total, desc="encoding images", unit="image", disable=not progress, leave=False) as bar:
        training, validation, test = (_encode(part, encoder, bar) for part in parts)
    return replace(split, training=training, validation=validation, test=test)


def _encode(classes: ImageClasses, encoder: Encoder, bar: "tqdm[None]") -> ImageClasses:
    return ImageClasses(classes.names, tuple(_features(images, encoder, bar) for images in classes.images))


def _features(images: NDArray[np.uint8], encoder: Encoder, bar: "tqdm[None]") -> NDArray[np.float16]:
    places = encoder(torch.from_numpy(images)).places
    bar.update(len(images))
    return places.to("cpu", torch.float16).numpy()
