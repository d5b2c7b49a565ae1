"""The checkpoint `text` beside SetFit's recipe: accuracy, time and size, on the same encoder.

    pip install transformers
    python -m benchmarks.text_accuracy.setfit --json setfit.json      # 40 minutes on two cores; goes on where it was

SetFit (Tunstall et al. 2022) tunes the whole encoder on pairs of the support set's texts, of one class or of two, and
fits logistic regression on what comes out. Its library takes encoders from a model hub. Here its recipe runs on the
weights that kshot has too, with the library's values: 20 pairs of each kind for each text, one epoch, 16 pairs at a
time, AdamW at 2·10⁻⁵ after a warm-up, the squared error of the cosine, and scikit-learn's logistic regression.
"""

import copy
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import numpy as np
import torch
import typer
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn.functional import cosine_similarity, mse_loss
from tqdm import tqdm

from app.server.process import restart_with_environment
from benchmarks.journal import Journal
from benchmarks.machine import describe_machine
from benchmarks.text_accuracy.contenders import OURS, Task, support_of
from benchmarks.text_accuracy.sets import TextSet, read_sets
from benchmarks.text_accuracy.tasks import Drawn, draw, interval, of_all
from benchmarks.text_accuracy.torch_minilm import encode, encode_all, load_minilm
from meta_training.data.episodes import generator
from models.checkpoint import SHIPPED, load_checkpoint
from models.encoders.interface import Encode
from models.encoders.minilm.encoder import FEATURES, MiniLM
from models.learner import Learner

PAIRS, BATCH, RATE, WARM_UP = 20, 16, 2e-5, 0.1
WAYS, SHOTS = 5, 5
UNSEEN = ("BANKING77", "HWU64")
SETFIT = "SetFit's recipe"
ALIKE = 0.999  # least cosine to what kshot's encoder makes of a text
Answer: TypeAlias = Callable[[Tensor], Tensor]
"""From places of texts [Q] to labels [Q]."""
Learn: TypeAlias = Callable[[Tensor, Tensor], Answer]
"""From places [S] and labels [S] of a support set to what answers."""


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="The folder of the intents, or the one it lies in.")],
    episodes: Annotated[int, typer.Option(min=2, help="5-way 5-shot, of each set.")] = 12,
    draws: Annotated[int, typer.Option(min=0, help="Support sets of all classes, of each set.")] = 1,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps vectors of the texts.")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="File for results; a later run goes on with it.")] = None,
) -> None:
    """Compare with SetFit's recipe."""
    learner = Learner(load_checkpoint(SHIPPED / "text.safetensors"), torch.device("cpu"))
    about = learner.checkpoint.metadata
    minilm = MiniLM.model_validate(about.encoder.model_dump())
    encoder = minilm.build({}, about.input, learner.device, torch.get_num_threads())
    journal = Journal.open(out, {"machine": describe_machine()})  # of the recipe alone: ours is quick
    typer.echo(f"{describe_machine()}; {learner.checkpoint.digest:.19}\n")
    start = load_minilm()
    for texts in read_sets(data, about.input, encoder, minilm.model_dump_json(), cache):
        if texts.name not in UNSEEN:
            continue
        ids = minilm.ids(texts.texts)
        _check(start, ids, texts)
        field = {OURS: kshot(learner, encoder, texts), SETFIT: setfit(start, ids)}
        few = {f"episode {number}": draw(texts, WAYS, SHOTS, number) for number in range(episodes)}
        typer.echo(f"{texts.name}, {WAYS} classes, {SHOTS} texts of each: {_compare(field, few, texts.name, journal)}")
        if draws:
            every = {f"draw {seed}": of_all(texts, SHOTS, seed) for seed in range(draws)}
            typer.echo(
                f"{texts.name}, all classes, {SHOTS} texts of each: {_compare(field, every, texts.name, journal)}"
            )


def kshot(learner: Learner, encoder: Encode, texts: TextSet) -> Learn:
    """Return ours, which encodes the support set and adapts to it."""
    spec = learner.checkpoint.metadata.input

    def learn(support: Tensor, labels: Tensor) -> Answer:
        vectors = encoder(torch.stack([spec.prepare(texts.texts[place]) for place in support.tolist()]))
        (made,) = learner.adapt([support_of(learner, Task(vectors, labels, vectors), None)])
        return lambda queries: learner.predict([made.adapted], [texts.vectors[queries]])[0].probabilities.argmax(dim=1)

    return learn


def setfit(start: nn.Module, ids: list[list[int]]) -> Learn:
    """Return SetFit's recipe, from a network and the word pieces of all texts."""

    def learn(support: Tensor, labels: Tensor) -> Answer:
        own = [ids[place] for place in support.tolist()]
        tuned = _tuned(start, own, labels)
        head = LogisticRegression(max_iter=1000).fit(encode_all(tuned, own).numpy(), labels.numpy())

        def answer(queries: Tensor) -> Tensor:
            vectors = encode_all(tuned, [ids[place] for place in queries.tolist()])
            return torch.from_numpy(head.predict(vectors.numpy()))

        return answer

    return learn


def _tuned(start: nn.Module, ids: list[list[int]], labels: Tensor) -> nn.Module:
    """Return the network after one epoch on pairs of texts."""
    model = copy.deepcopy(start).train()
    pairs = _pairs(labels.numpy())
    batches = [pairs[place : place + BATCH] for place in range(0, len(pairs), BATCH)]
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    warm = max(1, round(WARM_UP * len(batches)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, (len(batches) - step) / max(1, len(batches) - warm))
    )
    for batch in batches:
        left, right = (encode(model, [ids[place] for place in batch[:, side]]) for side in (0, 1))
        loss = mse_loss(cosine_similarity(left, right), torch.from_numpy(batch[:, 2]).float())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model


def _pairs(labels: np.ndarray) -> np.ndarray:
    """Return pairs [P, 3] in random order: two places, and whether they are of one class."""
    rng, found = generator(len(labels)), []
    for place, label in enumerate(labels.tolist()):
        for same, others in ((1, np.flatnonzero(labels == label)), (0, np.flatnonzero(labels != label))):
            found += [(place, other, same) for other in rng.choice(others, PAIRS)]
    return rng.permutation(np.array(found))


def _compare(field: dict[str, Learn], tasks: dict[str, Drawn], data: str, journal: Journal) -> str:
    """Return the accuracy and the seconds to adapt of each; what the journal has is not done again."""
    ours, recipe = [], []
    for name, drawn in tqdm(tasks.items(), desc=data, leave=False):
        key = {"data": data, "task": name}
        row = journal.find(key) or journal.write(key, {SETFIT: _score(field[SETFIT], drawn)})
        recipe.append(row[SETFIT])
        ours.append(_score(field[OURS], drawn))
    said = []
    for each, scores in ((OURS, ours), (SETFIT, recipe)):
        accuracies, seconds = np.array(scores).T
        said.append(f"{each} {interval(accuracies)} % in {np.median(seconds):.2f} s")
    return f"{'; '.join(said)}; difference {interval((np.array(ours) - np.array(recipe))[:, 0])}"


def _score(learn: Learn, drawn: Drawn) -> tuple[float, float]:
    begun = time.perf_counter()
    answer = learn(drawn.support, drawn.labels)
    seconds = time.perf_counter() - begun
    return float((answer(drawn.queries) == drawn.answers).double().mean()), seconds


def _check(network: nn.Module, ids: list[list[int]], texts: TextSet) -> None:
    """Raise RuntimeError unless the torch network gives the vectors that kshot's encoder does."""
    some = list(range(0, len(ids), len(ids) // 50))
    cosines = cosine_similarity(encode_all(network, [ids[place] for place in some]), texts.vectors[some, :FEATURES])
    if cosines.min() < ALIKE:
        raise RuntimeError(f"the torch network is not the encoder's: a text's cosine is {cosines.min():.3f}")


if __name__ == "__main__":
    restart_with_environment()
    typer.run(main)
