"""How much faster two training processes of one thread are than one, and whether they come to the same weights.

    python -m benchmarks.ranks --data ~/omniglot
    python -m benchmarks.ranks --data ~/omniglot --meta-batch 6

Runs of `kshot train`, with one process and with two by turns. The five tasks of the
presets split into three and two, so two processes can be at most 5/3 times as fast; an even number splits evenly.
"""

import json
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated

import torch
import typer

from benchmarks.machine import describe_machine
from models.checkpoint import load_checkpoint
from models.parameters import Parameters

BIN = Path(sys.executable).parent


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="Omniglot, or any folder of class folders.")],
    preset: Annotated[str, typer.Option(help="What to train.")] = "omniglot-5way",
    meta_steps: Annotated[int, typer.Option(min=1, help="Of each run.")] = 200,
    meta_batch: Annotated[int, typer.Option(min=2, help="Tasks of a meta step.")] = 5,
    rounds: Annotated[int, typer.Option(min=1, help="Runs of each kind.")] = 3,
) -> None:
    """Time training on one process and on two."""
    typer.echo(describe_machine())
    ratios = []
    for number in range(1, rounds + 1):
        with TemporaryDirectory() as folder:
            alone, pair = (
                _train(data, preset, meta_steps, meta_batch, Path(folder) / str(world), world) for world in (1, 2)
            )
        ratios.append(alone[0] / pair[0])
        apart = max(float((alone[1][name] - pair[1][name]).abs().max()) for name in alone[1])
        typer.echo(
            f"round {number}: {1e3 * alone[0] / meta_steps:.1f} ms a meta step on one process, "
            f"{1e3 * pair[0] / meta_steps:.1f} on two: {ratios[-1]:.2f} times as fast; "
            f"weights at most {apart:.1e} apart"
        )
    typer.echo(
        f"{preset}, {meta_batch} tasks a meta step: {median(ratios):.2f} times as fast "
        f"({min(ratios):.2f} to {max(ratios):.2f})"
    )


def _train(
    data: Path, preset: str, meta_steps: int, meta_batch: int, out: Path, world: int
) -> tuple[float, Parameters]:
    """Seconds of a run's meta steps, and the weights it comes to."""
    torchrun = [BIN / "torchrun", "--standalone", "--nproc-per-node", str(world), "--no-python"]
    options = ["--preset", preset, "--data", data, "--meta-steps", str(meta_steps)]
    options += ["--meta-batch", str(meta_batch), "--threads", "1", "--out", out]
    command = map(str, [*torchrun, BIN / "kshot", "train", *options])
    subprocess.run(list(command), check=True, capture_output=True)
    weights = load_checkpoint(out / f"{preset}.safetensors").initialization.parameters
    return float(json.loads((out / "report.json").read_text())["seconds"]), weights


if __name__ == "__main__":
    torch.set_num_threads(1)
    typer.run(main)
