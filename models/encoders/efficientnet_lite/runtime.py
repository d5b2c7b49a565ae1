"""The encoder as it runs: by ONNX Runtime on a CPU, by torch elsewhere. Both take few images at a time.

On a CPU few images stay in the caches, and no image's encoding depends on which others came with it.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from onnxruntime import InferenceSession, SessionOptions
from torch import Tensor

from models.encoders.efficientnet_lite.onnx_graph import IMAGES, PLACES, POOLED, build_model
from models.encoders.efficientnet_lite.plain import encode
from models.encoders.efficientnet_lite.spec import Encoded, EncoderSpec
from models.parameters import Parameters, move

Encoder: TypeAlias = Callable[[Tensor], Encoded]
CPU_IMAGES = 4  # at a time: as fast as one, and with threads they wait less for one another
DEVICE_IMAGES = 32  # about 0.5 GB in the widest block
ERRORS = 3  # a log level


def build_encoder(parameters: Parameters, spec: EncoderSpec, device: torch.device, threads: int = 1) -> Encoder:
    """An encoder of uint8 images [B, 3, size, size], whose result is on `device`; `threads` are those of a CPU."""
    if device.type == "cpu":
        return OnnxEncoder(parameters, spec, threads)
    return TorchEncoder(parameters, spec, device)


class OnnxEncoder:
    """On a CPU. Any number of threads may call it at once."""

    def __init__(self, parameters: Parameters, spec: EncoderSpec, threads: int = 1) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ERRORS
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores are the inner loop's too
        model = build_model(parameters, spec)
        self._session = InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._spec = spec

    def __call__(self, images: Tensor) -> Encoded:
        """Encodes uint8 images [B, 3, size, size]."""
        return _in_parts(self._encode, images, CPU_IMAGES)

    def _encode(self, images: Tensor) -> Encoded:
        names = [PLACES, POOLED] if self._spec.taps else [PLACES]
        places, *pooled = map(torch.from_numpy, self._session.run(names, {IMAGES: images.numpy()}))
        return Encoded(places, pooled[0] if pooled else places.new_empty(len(places), 0))


class TorchEncoder:
    """On any device, in float32."""

    def __init__(self, parameters: Parameters, spec: EncoderSpec, device: torch.device) -> None:
        weights = {name: parameters[name] for name in spec.weight_shapes}
        self._parameters = move(move(weights, device), torch.float32)
        self._spec, self._device = spec, device

    def __call__(self, images: Tensor) -> Encoded:
        """Encodes uint8 images [B, 3, size, size], on any device themselves."""
        return _in_parts(self._encode, images, DEVICE_IMAGES)

    def _encode(self, images: Tensor) -> Encoded:
        return encode(self._parameters, images.to(self._device), self._spec)


def _in_parts(encode: Encoder, images: Tensor, size: int) -> Encoded:
    parts = [encode(part) for part in torch.split(images, size)]
    return Encoded(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
