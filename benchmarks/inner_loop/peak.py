"""The rate of one large matrix product: no contender can be faster than that."""

import torch

from benchmarks.inner_loop.contenders import Name
from benchmarks.inner_loop.problem import CPU

PEAK = Name("GEMM")
SIZE = 1536


class SquareProduct:
    """Products of two square float32 matrices, run like a contender."""

    flops = 2 * SIZE**3

    def __init__(self, device: torch.device = CPU) -> None:
        self.left, self.right = torch.rand(2, SIZE, SIZE, device=device)
        self.out = torch.empty(SIZE, SIZE, device=device)

    def run(self, steps: int) -> None:
        """Compute as many products as `steps`."""
        for _ in range(steps):
            torch.mm(self.left, self.right, out=self.out)
