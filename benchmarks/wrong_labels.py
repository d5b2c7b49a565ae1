"""Is a wrong label pointed out, and are right ones left alone?

    python -m benchmarks.wrong_labels           # sets in KSHOT_DATA that nothing here was chosen on
    python -m benchmarks.wrong_labels --data ~/my-photos
    python -m benchmarks.wrong_labels --domains ~/domains-validation.tar --domain food10 --domain pokemon

Support sets of five classes: as they are, where whatever is doubted is a false alarm, and with one label that is wrong.
Features are those of the first initialization, before any step; near copies are left out together, as the service
does. Percentages with 95 % intervals over support sets.
"""

from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.label_next.pools import DataSet, read_sets
from benchmarks.label_next.sources import SCORED, Data, DomainNames, Domains, OfPhotographs, shared_data
from benchmarks.machine import describe_machine
from benchmarks.photo_accuracy.results import estimate
from models.checkpoint import SHIPPED, load_checkpoint
from models.estimates.cross_validation import cross_validate
from models.estimates.expected.doubtful import doubtful
from models.estimates.near_copies import near_copies
from models.learner import Learner
from models.tasks import FeatureSet

WAYS = 5
SHOTS = (3, 5)


def main(
    data: Data = None,
    domains: Domains = None,
    domain: DomainNames = None,
    checkpoint: OfPhotographs = SHIPPED / "photo.safetensors",
    episodes: Annotated[int, typer.Option(min=2, help="Support sets of each size and data set.")] = 200,
    seed: Annotated[int, typer.Option(help="Decides the support sets.")] = 0,
) -> None:
    """Count what is doubted."""
    learner = Learner(load_checkpoint(checkpoint), torch.device("cpu"))
    if not (data or domains):
        data, domains = shared_data()
    about = f"{checkpoint.name}, {learner.checkpoint.digest:.19}; {episodes} support sets each, seed {seed}"
    typer.echo(f"{describe_machine()}; {about}\n")
    columns = [f"{shots} shots: {what}" for shots in SHOTS for what in ("wrong one found", "right ones doubted")]
    typer.echo(f"| {WAYS}-way, % | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for each in read_sets(data or [], domains, domain or SCORED, learner):
        cells = [str(estimate(values)) for shots in SHOTS for values in _shares(learner, each, shots, episodes, seed)]
        typer.echo(f"| {each.name} | {' | '.join(cells)} |")


def _shares(learner: Learner, data: DataSet, shots: int, episodes: int, seed: int) -> tuple[NDArray[np.float64], ...]:
    """Return the shares of wrong labels found and of right ones doubted, each [episodes]."""
    random = np.random.default_rng(seed)
    drawn = (_draw(data, shots, random) for _ in range(episodes))
    found, doubted = zip(*(_asked(learner, features, labels, random) for features, labels in drawn), strict=True)
    return np.array(found, float), np.array(doubted, float)


def _draw(data: DataSet, shots: int, random: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Return the features [WAYS · shots, F] and labels of a support set."""
    ample = [each for each in data.classes if len(each) >= shots]
    chosen = [ample[place] for place in random.permutation(len(ample))[:WAYS]]
    features = torch.cat([each[torch.from_numpy(random.permutation(len(each))[:shots])] for each in chosen])
    return features, torch.arange(WAYS).repeat_interleave(shots)


def _asked(learner: Learner, features: Tensor, labels: Tensor, random: np.random.Generator) -> tuple[bool, float]:
    """Return whether a wrong label is found, and the share of right ones that are doubted where none is wrong."""
    place = int(random.integers(len(labels)))
    wrong = labels.clone()
    wrong[place] = (labels[place] + int(random.integers(1, WAYS))) % WAYS
    return place in _doubted(learner, features, wrong), len(_doubted(learner, features, labels)) / len(labels)


def _doubted(learner: Learner, features: Tensor, labels: Tensor) -> list[int]:
    calibration = learner.checkpoint.metadata.calibration
    (groups,) = near_copies([features], [labels], calibration.near_copy if calibration else None)
    (signs,) = cross_validate(learner.architecture.head, [FeatureSet(features, labels, WAYS, groups)])
    return [doubt.place for doubt in doubtful(signs)] if signs else []


if __name__ == "__main__":
    typer.run(main)
