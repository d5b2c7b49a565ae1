"""A bulk adaptation's time, memory and accuracy on held-out pictures, beside scikit-learn's logistic regression."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch

from app.bulk.decoding import EntryDecoder
from app.bulk.models import open_learner
from app.bulk.predict import BLOCK
from app.bulk.sources.opening import open_source
from app.settings import Settings
from benchmarks.bulk.jobs import bulk
from benchmarks.bulk.sources import domain_files
from models.learner import Learner

FIFTH = 5
Z = 1.96  # deviations to either side that hold 95 %


@dataclass(frozen=True)
class LargeSet:
    """Folders of the pictures to learn from, and of a fifth of each class's, held out."""

    learn: Path
    held: Path

    @classmethod
    def unpack(cls, data: Path, folder: Path, classes: int | None) -> Self:
        """Unpack the domains; a class is one of a domain."""
        files: dict[str, list[tuple[str, bytes]]] = {}
        for name, content in domain_files(data):
            _, domain, label, file = name.split("/")
            files.setdefault(f"{domain}-{label}", []).append((file, content))
        taken = sorted(files)
        if classes:
            taken = [taken[place] for place in np.linspace(0, len(taken) - 1, classes).astype(int)]
        found = cls(folder / "learn", folder / "held")
        generator = np.random.default_rng(0)
        for label in taken:
            order = generator.permutation(len(files[label]))
            held = max(1, round(len(order) / FIFTH))
            for number, place in enumerate(order):
                file, content = files[label][place]
                path = (found.held if number < held else found.learn) / label / file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        return found


def measure_adapt(pictures: LargeSet, folder: Path, strength: float, iterations: int) -> str:
    """Return lines about a model of these pictures, and about scikit-learn's if it may take iterations."""
    store, out = folder / "store", folder / "held.jsonl"
    learnt = bulk(store, "adapt", pictures.learn)
    bulk(store, "predict", learnt.model_id, pictures.held, "--out", out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    right = [row["label"] == row["path"].partition("/")[0] for row in rows]
    lines = [
        learnt.output.strip(),
        (
            f"It took {learnt.seconds / 60:.1f} min, {learnt.cpu_seconds / 60:.1f} min of cores, and "
            f"{learnt.peak_mb:.0f} MB at most."
        ),
        f"Accuracy on what was held out: {_share(right)}",
    ]
    if iterations:
        lines.append(_scikit_learn(pictures, strength, iterations))
    return "\n".join(lines)


def _scikit_learn(pictures: LargeSet, strength: float, iterations: int) -> str:
    """Return a line about logistic regression on the features of the network that nobody adapted."""
    from sklearn.linear_model import LogisticRegression

    settings = Settings()
    learner = open_learner("photo", settings)
    features, labels = _features(learner, pictures.learn, settings)
    asked, own = _features(learner, pictures.held, settings)
    begin = time.process_time()
    head = LogisticRegression(C=strength, max_iter=iterations).fit(features, labels)
    minutes = (time.process_time() - begin) / 60
    right = (head.predict(asked) == own).tolist()
    taken = f"C = {strength:g}, {int(head.n_iter_[0])} iterations, {minutes:.1f} min of cores"
    return f"scikit-learn's logistic regression on all features ({taken}): {_share(right)}"


@torch.no_grad()
def _features(learner: Learner, folder: Path, settings: Settings) -> tuple[np.ndarray, np.ndarray]:
    source = open_source(str(folder), Path(), settings.store_seconds)
    decoder = EntryDecoder.of(settings, learner.checkpoint.metadata.input)
    start = {name: tensor.unsqueeze(0) for name, tensor in learner.initialization.parameters.items()}
    parts, labels = [], []
    for block in decoder.blocks(source, 0, BLOCK):
        found = torch.stack([each for _, each in block if isinstance(each, torch.Tensor)])
        features, _ = learner.architecture.network(start, learner.encode(found).unsqueeze(0))
        parts.append(features[0])
        labels += [entry.path.partition("/")[0] for entry, each in block if isinstance(each, torch.Tensor)]
    return torch.cat(parts).numpy(), np.array(labels)


def _share(right: Sequence[bool]) -> str:
    share = sum(right) / len(right)
    return f"{100 * share:.1f} ± {100 * Z * (share * (1 - share) / len(right)) ** 0.5:.1f} % of {len(right)}"
