"""From an ONNX file to an encoder: what its input and output are is found in the file, and tried."""

from pathlib import Path

import onnx
import torch
from onnx import ModelProto, TensorProto, inliner, version_converter
from pydantic import ValidationError
from torch import Tensor

from models.encoders.onnx_file import MODEL, Colour, OnnxFile, Pool
from models.encoders.onnx_session import OnnxSession
from models.errors import EncoderError
from models.export.graph import OPSET
from models.parameters import Parameters

OLDEST_OPSET = 13  # from which operators mean what those of an exported graph mean
POOLS: dict[int, Pool] = {2: "none", 3: "first", 4: "places"}
"""What is done with an output, by its number of axes, where nothing else is asked for."""
FITTING: dict[Pool, int] = {"none": 2, "first": 3, "mean": 3, "places": 4}
TOLERANCE = 1e-3  # of the largest feature, by which an image may differ alone and in company
CPU = torch.device("cpu")


def read_encoder(
    path: Path, size: int, mean: Colour, std: Colour, *, pool: Pool | None = None, output: str | None = None
) -> tuple[OnnxFile, Parameters]:
    """Return the encoder that an ONNX file makes of colour images of `size` pixels a side, and its weights.

    The file's only input takes float32 [B, 3, size, size] for any B. `output` names the one to take, the first if None;
    `pool` says how it becomes [B, F]. Raises EncoderError for a file that doesn't do, and says why.
    """
    model = _read(path)
    source = _only_input(path, model)
    target = output or model.graph.output[0].name
    if target not in {each.name for each in model.graph.output}:
        names = ", ".join(each.name for each in model.graph.output)
        raise EncoderError(f"{path} has no output {target!r}; it has: {names}. Name one of these by --output.")
    data: bytes = _with_any_batch(model).SerializeToString()
    found = _tried(path, data, source, target, size)
    chosen = pool or POOLS.get(found.dim())
    if chosen is None or FITTING[chosen] != found.dim():
        raise EncoderError(
            f"{path}: output {target!r} is {list(found.shape)} for 2 images, which cannot be pooled by {chosen}. "
            "Take another by --output, or pool by --pool: none of [B, F], first or mean of [B, L, F], "
            "places of [B, F, H, W]."
        )
    features = found.shape[1 if chosen in ("none", "places") else 2]
    about = {"length": len(data), "input_name": source, "output_name": target, "size": size, "features": features}
    try:
        encoder = OnnxFile.model_validate({**about, "mean": mean, "std": std, "pool": chosen})
    except ValidationError as error:
        raise EncoderError(f"std must be above 0; it is {std}. Divide by 1 1 1 for pixels between 0 and 1.") from error
    return encoder, {MODEL: torch.frombuffer(bytearray(data), dtype=torch.uint8)}


def _read(path: Path) -> ModelProto:
    """The model, with functions inlined, and of an opset that an exported graph may have."""
    try:
        model = onnx.load(path)
        if model.functions:
            model = inliner.inline_local_functions(model)
        if {each.domain: each.version for each in model.opset_import}.get("", OPSET) < OLDEST_OPSET:
            model = version_converter.convert_version(model, OPSET)
    except Exception as error:  # of a damaged file protobuf and onnx raise about any type there is
        raise EncoderError(f"{path} cannot be read as an ONNX model ({_line(error)}). Export it anew.") from error
    if not model.graph.output:
        raise EncoderError(f"{path} is no ONNX model: it has no output. Export it anew.")
    return model


def _only_input(path: Path, model: ModelProto) -> str:
    constants = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in constants]
    if len(inputs) != 1 or inputs[0].type.tensor_type.elem_type != TensorProto.FLOAT:
        names = ", ".join(each.name for each in inputs)
        raise EncoderError(
            f"{path} has the inputs: {names or 'none'}. An encoder has one, of float32: the images [B, 3, H, W]. "
            "Export the image tower alone."
        )
    return str(inputs[0].name)


def _with_any_batch(model: ModelProto) -> ModelProto:
    """The model with no word on shapes but its input's channels and sides: what an exporter fixed of B is undone."""
    for each in model.graph.input:
        if each.type.tensor_type.shape.dim:
            each.type.tensor_type.shape.dim[0].dim_param = "B"
    for each in model.graph.output:
        each.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model


def _tried(path: Path, data: bytes, source: str, target: str, size: int) -> Tensor:
    """The output for two images of noise, which are encoded alike alone. Raises EncoderError."""
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        session = OnnxSession(data, source, target, CPU, torch.get_num_threads())
        together, alone = session(x), session(x[1:])
    except Exception as error:  # ONNX Runtime has a class for each of its failures, and no common one
        raise EncoderError(
            f"{path} does not take 2 images [2, 3, {size}, {size}] at once ({_line(error)}). "
            "Say the side it takes by --size, and export it with a batch axis of any length "
            "(torch.onnx.export's dynamic_axes)."
        ) from error
    if together.dim() == 0 or len(together) != len(x) or not together.isfinite().all():
        raise EncoderError(
            f"{path}: output {target!r} is {list(together.shape)} for 2 images. Take another by --output."
        )
    if (together[1:] - alone).abs().max() > TOLERANCE * together.abs().max():
        raise EncoderError(f"{path} encodes an image otherwise in company than alone. Export it for inference.")
    return together


def _line(error: Exception) -> str:
    """What a library says over several lines, in one."""
    return " ".join(str(error).split())
