"""A data set's photos, each through the frozen encoder once: what every contender starts from."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
    """P photos of a data set, encoded.

    `numbers` are its classes, with the places of their photos in 0..P − 1 for pictures; `places` [P, H, W, C] is what
    the learner adapts to, and `pooled` [P, 1280] the ImageNet network's own features.
    """

    name: str
    numbers: ImageClasses
    places: Tensor
    pooled: Tensor


def read_photos(source: Path, learner: Learner, *, most: int | None = None) -> Photos:
    """Reads and encodes a folder, zip or tar of class folders, or its first `most` classes. Raises DataError."""
    classes = read_classes([source], learner.checkpoint.metadata.input, progress=True)
    return encode_photos(source.stem, classes.subset(classes.names[:most]), learner)


def read_domains(source: Path, learner: Learner, *, most: int | None = None) -> Iterator[Photos]:
    """Reads and encodes a folder, zip or tar of data sets, each a folder of class folders. Raises DataError."""
    classes = read_classes([source], learner.checkpoint.metadata.input, progress=True)
    of_domain: dict[str, list[str]] = {}
    for name in classes.names:
        of_domain.setdefault(name.partition("/")[0], []).append(name)
    for domain, names in of_domain.items():
        yield encode_photos(domain, classes.subset(names[:most]), learner)


def encode_photos(name: str, classes: ImageClasses, learner: Learner) -> Photos:
    """Encodes uint8 pictures."""
    sizes = [len(pictures) for pictures in classes.images]
    numbers = np.split(np.arange(sum(sizes)), np.cumsum(sizes)[:-1])
    pictures = torch.from_numpy(np.concatenate(classes.images))
    return Photos(
        name,
        ImageClasses(classes.names, tuple(numbers)),
        _in_parts(learner.encode, pictures, f"{name}, for the learner"),
        _in_parts(_pooling(learner.checkpoint.metadata.input, learner.device), pictures, f"{name}, pooled"),
    )


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
