"""A data set's photos, each through the frozen encoder once, if a contender asks for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, relu6
from tqdm import tqdm

from meta_training.data.image_classes import ImageClasses, read_classes
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.efficientnet_lite.pretrained import imagenet_weights
from models.inputs.interface import Input
from models.learner import Learner

Encode = Callable[[Tensor], Tensor]
AT_ONCE = 32


@dataclass(frozen=True)
class Photos:
    """P photos of a data set: `pictures` uint8 [P, C, H, W], as the learner takes them.

    `numbers` are its classes, with the places of their photos in 0..P − 1 for pictures.
    """

    name: str
    numbers: ImageClasses
    pictures: Tensor
    learner: Learner

    @cached_property
    def places(self) -> Tensor:
        """What the learner adapts to [P, ...]."""
        return _in_parts(self.learner.encode, self.pictures, f"{self.name}, for the learner")

    @cached_property
    def pooled(self) -> Tensor:
        """The ImageNet network's own features [P, 1280]."""
        encode = _pooling(self.learner.checkpoint.metadata.input, self.learner.device)
        return _in_parts(encode, self.pictures, f"{self.name}, pooled")


def read_photos(source: Path, learner: Learner, *, most: int | None = None) -> Photos:
    """Reads a folder, zip or tar of class folders, or its first `most` classes. Raises DataError."""
    classes = read_classes([source], learner.checkpoint.metadata.input, progress=True)
    return photos_of(source.stem, classes.subset(classes.names[:most]), learner)


def read_domains(source: Path, learner: Learner, *, most: int | None = None) -> Iterator[Photos]:
    """Reads a folder, zip or tar of data sets, each a folder of class folders. Raises DataError."""
    classes = read_classes([source], learner.checkpoint.metadata.input, progress=True)
    of_domain: dict[str, list[str]] = {}
    for name in classes.names:
        of_domain.setdefault(name.partition("/")[0], []).append(name)
    for domain, names in of_domain.items():
        yield photos_of(domain, classes.subset(names[:most]), learner)


def photos_of(name: str, classes: ImageClasses, learner: Learner) -> Photos:
    """Lays uint8 pictures of classes end to end."""
    sizes = [len(pictures) for pictures in classes.images]
    numbers = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    pictures = torch.from_numpy(np.concatenate(classes.images))
    return Photos(name, ImageClasses(classes.names, tuple(numbers)), pictures, learner)


def _pooling(source: Input, device: torch.device) -> Encode:
    """The whole ImageNet network but its classifier: the mean over places of its last convolution."""
    weights = imagenet_weights()
    encode = EfficientNetLite().build(weights, source, device, threads=torch.get_num_threads())
    weight, bias = (weights[f"top.{part}"].float().to(device) for part in ("weight", "bias"))

    def pooled(images: Tensor) -> Tensor:
        places = encode(images).permute(0, 3, 1, 2)
        return relu6(conv2d(places, weight, bias)).mean(dim=(2, 3))

    return pooled


def _in_parts(encode: Encode, pictures: Tensor, what: str) -> Tensor:
    parts = []
    with tqdm(total=len(pictures), desc=f"encoding {what}", unit="photo", leave=False) as bar:
        for part in torch.split(pictures, AT_ONCE):
            parts.append(encode(part))
            bar.update(len(part))
    return torch.cat(parts)
