"""Inner steps of T tasks: ours against the plain ways, on one device, with their share of the device's peak."""

from collections.abc import Iterator
from functools import partial

import torch

from benchmarks.gpu.report import Row
from benchmarks.gpu.scope import Scope
from benchmarks.gpu.stopwatch import Stopwatch, devices, medians
from benchmarks.inner_loop.contenders import ModulePerTask, Name, Ours, Vmap
from benchmarks.inner_loop.peak import SquareProduct
from benchmarks.inner_loop.problem import NETWORKS, Problem, describe, flops

STEPS = 5
PEAK = "largest product"
CONTENDERS = {
    Name("kshot"): Ours,
    Name("module + fused Adam", "NCHW"): partial(ModulePerTask, memory_format=torch.contiguous_format, fused=True),
    Name("module + fused Adam", "channels_last"): partial(ModulePerTask, memory_format=torch.channels_last, fused=True),
    Name("torch.func vmap"): Vmap,
}


def rows(scope: Scope) -> Iterator[Row]:
    """Yield what STEPS steps take, for each device, network and T."""
    for device in devices():
        product = SquareProduct(device)
        peak = product.flops / medians({PEAK: (device, partial(product.run, 1))}, scope.effort)[PEAK]
        for network in (NETWORKS[name] for name in scope.networks):
            stopwatch = Stopwatch(scope.effort)
            for count in scope.tasks:
                problem = Problem(network, count, device=device)
                works = {str(name): (device, partial(make(problem).run, STEPS)) for name, make in CONTENDERS.items()}
                took = stopwatch.medians(count, works)
                rates = {name: flops(network) * count * STEPS / seconds for name, seconds in took.items()}
                shares = {name: f"{rate / peak:.1%} of {peak / 1e12:.3g} TFLOP/s" for name, rate in rates.items()}
                what = f"{STEPS} steps on {device.type}, {describe(network)}"
                yield Row(what, count, took, [str(name) for name in CONTENDERS], shares)
