"""Any ONNX file as an encoder: DINOv2, SigLIP or a network of one's own, from pictures to feature vectors.

The file's bytes are a tensor of the checkpoint. ONNX Runtime runs them, and an exported model has their graph within
its own. `read_encoder` in onnx_reading.py makes an encoder of a file.
"""

from typing import Literal, TypeAlias

import onnx
import torch
from onnx import TensorProto
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from models.encoders.interface import Encode, Encoder, Weight, encode_in_parts
from models.encoders.onnx_session import OnnxSession
from models.errors import WeightsError
from models.export.graph import Graph
from models.inputs.interface import Input
from models.parameters import Parameters
from models.parts import register

MODEL = "model"
AT_ONCE = 4  # images: few stay in a CPU's caches
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PREFIX = "encoder/"  # of its names in an exported graph

Pool: TypeAlias = Literal["none", "first", "mean", "places"]
Colour: TypeAlias = tuple[float, float, float]
"""A number for red, green and blue."""


@register
class OnnxFile(Encoder):
    """A model from (x / 255 − mean) / std, float32 [B, 3, size, size], to an output that is pooled to [B, features]."""

    type: Literal["onnx"] = "onnx"
    length: PositiveInt
    """Bytes of the file."""
    input_name: str
    output_name: str
    size: PositiveInt
    mean: Colour = IMAGENET_MEAN
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat] = IMAGENET_STD
    pool: Pool = "none"
    """An output [B, F] is taken as it is; of [B, L, F] `first` takes the first token, and `mean` the mean of all; of
    [B, F, H, W] `places` takes the mean over places."""
    features: PositiveInt
    """F."""

    def output(self, source: Input) -> tuple[int, ...]:
        """See Encoder."""
        if source.example != (3, self.size, self.size) or source.dtype != torch.uint8:
            raise ValueError(f"this ONNX encoder takes colour images of {self.size} pixels a side")
        return (self.features,)

    def weights(self) -> dict[str, Weight]:
        """Name the file's bytes."""
        return {MODEL: Weight((self.length,), torch.uint8)}

    def pretrained(self) -> Parameters:
        """Raise WeightsError: a new checkpoint gets them from a file."""
        raise WeightsError("An ONNX encoder's bytes come from a file: make its checkpoint by `kshot checkpoint build`.")

    def build(self, weights: Parameters, source: Input, device: torch.device, threads: int) -> Encode:
        """See Encoder."""
        model = weights[MODEL].cpu().numpy().tobytes()
        session = OnnxSession(model, self.input_name, self.output_name, device, threads)
        scale, shift = self._scale_and_shift()

        def part(images: Tensor) -> Tensor:
            return self.pooled(session(images.cpu() * scale + shift)).float()

        return lambda images: encode_in_parts(part, images, AT_ONCE)

    def pooled(self, output: Tensor) -> Tensor:
        """Return the features [B, F] of the model's output."""
        if self.pool == "first":
            return output[:, 0]
        axes = {"none": (), "mean": (1,), "places": (2, 3)}[self.pool]
        return output.mean(dim=axes) if axes else output

    def add_to(self, graph: Graph, weights: Parameters, source: Input, examples: str) -> str:
        """See Encoder."""
        scale, shift = self._scale_and_shift()
        x = graph.add("Cast", examples, to=TensorProto.FLOAT)
        x = graph.add("Mul", x, graph.constant("input.scale", scale.numpy()))
        x = graph.add("Add", x, graph.constant("input.shift", shift.numpy()))
        model = onnx.load_from_string(weights[MODEL].cpu().numpy().tobytes())
        (y,) = graph.merge(model, PREFIX, {self.input_name: x}, [self.output_name])
        if self.pool == "first":
            return graph.add("Gather", y, graph.integer("first", 0), axis=1)
        axes = {"none": (), "mean": (1,), "places": (2, 3)}[self.pool]
        return graph.reduce("ReduceMean", y, *axes, keepdims=False) if axes else y

    def _scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """What (x / 255 − mean) / std multiplies and adds, [3, 1, 1] each."""
        mean, std = torch.tensor(self.mean), torch.tensor(self.std)
        return (1 / (255 * std)).view(3, 1, 1), (-mean / std).view(3, 1, 1)
