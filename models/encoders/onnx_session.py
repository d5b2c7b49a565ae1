"""An ONNX model as it runs: ONNX Runtime with the settings that serving needs."""

import numpy as np
import torch
from onnxruntime import InferenceSession, SessionOptions, get_available_providers
from torch import Tensor

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
ERRORS = 3  # a log level


class OnnxSession:
    """A model with one input, of which one output is asked for. Any number of threads may call it at once."""

    def __init__(self, model: bytes, input_name: str, output_name: str, device: torch.device, threads: int) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = ERRORS
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # the cores are the inner loop's too
        offered = [CUDA] if device.type == "cuda" and CUDA in get_available_providers() else []
        self._session = InferenceSession(model, options, providers=[*offered, CPU])
        self._input, self._output, self._device = input_name, output_name, device

    def __call__(self, x: Tensor) -> Tensor:
        """Return the output for x, both on the session's device."""
        (found,) = self._session.run([self._output], {self._input: x.cpu().numpy()})
        return torch.from_numpy(np.ascontiguousarray(found)).to(self._device)
