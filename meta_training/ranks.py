"""Training on several processes, as torchrun starts them: each takes its share of the tasks of a meta step."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.rendezvous import rendezvous

from meta_training.errors import RunError
from models.parameters import Parameters

PATIENCE = timedelta(hours=2)  # the others wait while rank 0 validates and saves
FRESH_STORE = "TORCH_DISABLE_SHARE_RDZV_TCP_STORE"
"""A variable of torchrun, by which processes meet at a new address after a restart."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of the run; by default it is the only one."""

    rank: int = 0
    world: int = 1
    restarts: int = 0
    """How often torchrun has restarted the run after a process died; of several, the one that did most often."""
    nodes: int = 1
    """Machines that the processes are on."""

    @property
    def launcher(self) -> tuple[str, ...]:
        """The words before a command that start it on as many processes."""
        if self.world == 1:
            return ()
        several = "--nnodes", str(self.nodes), "--rdzv-backend", "c10d", "--rdzv-endpoint", "HOST:PORT"
        meeting = several if self.nodes > 1 else ("--standalone",)
        return "torchrun", *meeting, "--nproc-per-node", str(self.world // self.nodes), "--no-python"

    @property
    def first(self) -> bool:
        """Whether this is the process that reports, writes and validates."""
        return self.rank == 0

    def share(self, tasks: int) -> range:
        """Return the indices of this process's tasks. Raises RunError where a process would have none."""
        if self.world > tasks:
            raise RunError(f"A meta step has {tasks} tasks, too few for {self.world} processes: start {tasks} at most.")
        return range(self.rank, tasks, self.world)

    def mean(self, rows: Parameters) -> Parameters:
        """Return each tensor's mean over its first axis and over all processes, in double precision.

        [R, ...] → [...]; R may differ between processes. The processes meet in one all-reduce.
        """
        totals = [tensor.sum(dim=0, dtype=torch.double) for tensor in rows.values()]
        counts = [float(len(tensor)) for tensor in rows.values()]
        if self.world > 1 and rows:
            sums = torch.cat([*(total.flatten() for total in totals), totals[0].new_tensor(counts)])
            dist.all_reduce(sums)
            *parts, shared = torch.split(sums, [*(total.numel() for total in totals), len(totals)])
            totals = [part.view_as(total) for part, total in zip(parts, totals, strict=True)]
            counts = shared.tolist()
        return {name: total / count for name, total, count in zip(rows, totals, counts, strict=True)}

    def on_any(self, flag: bool, device: torch.device) -> bool:
        """Return whether the flag is raised on any process; they meet in an all-reduce on `device`."""
        return self.most(int(flag), device) > 0

    def most(self, number: int, device: torch.device) -> int:
        """Return the largest of the processes' numbers; they meet in an all-reduce on `device`."""
        if self.world == 1:
            return number
        largest = torch.tensor(number, device=self.device(device))
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return int(largest)

    def device(self, device: torch.device) -> torch.device:
        """Return the device of this process: of a machine's GPUs, the one with the process's number there."""
        if self.world == 1 or device.type != "cuda":
            return device
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))


ALONE = Ranks()


@contextmanager
def joined(device: torch.device) -> Iterator[Ranks]:
    """Join the processes of the run, by gloo on the CPU and NCCL on CUDA; without torchrun there is only this one.

    Raises RunError on several machines whose torchruns keep their store over a restart.
    """
    world, nodes = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("GROUP_WORLD_SIZE", "1"))
    if world == 1:
        yield Ranks(restarts=_restarts())
        return
    kept = os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    if nodes > 1 and kept:  # each torchrun counts its own restarts, so processes would wait under different counts
        raise RunError(f"On several machines start torchrun with {FRESH_STORE}=1, or a restart may wait for ever.")
    store, rank, _ = next(rendezvous("env://", timeout=PATIENCE))
    if kept:  # and in it the addresses of processes that are gone
        store = dist.PrefixStore(f"restart {_restarts()}", store)  # type: ignore[attr-defined]
    backend = "nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=world, timeout=PATIENCE)
    try:
        ranks = Ranks(rank, world, nodes=nodes)
        yield replace(ranks, restarts=ranks.most(_restarts(), device))
    finally:
        dist.destroy_process_group()


def _restarts() -> int:
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0"))
