"""How many labels does ranking spare? Labels until 95 % of the accuracy that all labels of a pool give.

    python -m benchmarks.label_next                         # the data sets in KSHOT_DATA, 20 pools each
    python -m benchmarks.label_next --data ~/my-photos --runs 40
    python -m benchmarks.label_next --domains ~/domains-validation.tar --domain food10 --domain pokemon

Each pool has 10 classes of a data set, the most frequent ten times as frequent as the rarest. Five pictures that are
drawn at random are labelled first, then two at a time: at random, by the smallest margin, or in the order of
POST /models/{id}/rank. After each two the head is solved anew on the checkpoint's features, as the service does where
classes have few pictures. The ranking was chosen on other domains (CHOSEN_ON) than are scored here. With --json each
run is written as it ends, and a benchmark that is started again goes on after it.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from tqdm import tqdm

from benchmarks.journal import Journal
from benchmarks.label_next.labelling import RANKINGS, Labelling
from benchmarks.label_next.pools import DataSet, draw, read_sets
from benchmarks.label_next.report import Counts, table
from benchmarks.label_next.sources import SCORED, Data, DomainNames, Domains, OfPhotographs, shared_data
from benchmarks.machine import describe_machine
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner

CHOSEN_ON = (
    "asl_fingerspelling",
    "chars74k_street",
    "cub_birds_subset",
    "food10",
    "fruit_photos",
    "musical_instruments",
    "pokemon",
    "simpsons14",
)


def main(
    data: Data = None,
    domains: Domains = None,
    domain: DomainNames = None,
    checkpoint: OfPhotographs = SHIPPED / "photo.safetensors",
    runs: Annotated[int, typer.Option(min=2, help="Pools of each data set.")] = 20,
    seed: Annotated[int, typer.Option(help="Decides the pools.")] = 0,
    out: Annotated[Path | None, typer.Option("--json", help="File for the labels of every run.")] = None,
) -> None:
    """Count labels."""
    learner = Learner(load_checkpoint(checkpoint), torch.device("cpu"))
    if not (data or domains):
        data, domains = shared_data()
    digest = learner.checkpoint.digest
    typer.echo(f"{describe_machine()}; {checkpoint.name}, {digest:.19}; {runs} pools each, seed {seed}\n")
    journal = Journal.open(out, {"machine": describe_machine(), "checkpoint": digest, "seed": seed})
    found: dict[str, Counts] = {}
    for each in read_sets(data or [], domains, domain or SCORED, learner):
        found[each.name] = _count(journal, learner, each, runs, seed)
    typer.echo("\n".join(table(found, [name for name in RANKINGS if name != "random"])))


def _count(journal: Journal, learner: Learner, data: DataSet, runs: int, seed: int) -> Counts:
    rows = [
        journal.find(key) or journal.write(key, _labels_needed(learner, data, seed, key["run"]))
        for key in tqdm([{"data": data.name, "run": run} for run in range(runs)], desc=data.name, leave=False)
    ]
    return {name: np.array([row[name] for row in rows], float) for name in RANKINGS}


def _labels_needed(learner: Learner, data: DataSet, seed: int, run: int) -> dict[str, float]:
    labelling = Labelling(learner, draw(data, seed, run))
    return {name: labelling.labels_needed(rank) for name, rank in RANKINGS.items()} | {"best": labelling.best}


if __name__ == "__main__":
    typer.run(main)
