"""Is the checkpoint for texts better than what one would use instead?

    python -m benchmarks.text_accuracy --cache ~/.cache/intents       # the intents in KSHOT_DATA; about half an hour
    python -m benchmarks.text_accuracy --part known                   # all, few (classes), known, served: one part

On BANKING77 and HWU64, which no choice was made by, and CLINC150, half of whose classes it was trained on or chosen by.
Support sets are drawn from the training part; asked is the whole test part, and in episodes 15 texts a class of it. It
ends with status 1 where a bar is missed.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from app.server.process import restart_with_environment
from benchmarks.answers.strangers import area
from benchmarks.machine import describe_machine
from benchmarks.text_accuracy.contenders import FROZEN, OURS, Task, contenders, support_of
from benchmarks.text_accuracy.served import serve
from benchmarks.text_accuracy.sets import TextSet, read_sets
from benchmarks.text_accuracy.tasks import Accuracies, draw, encoded, interval, of_all, score
from meta_training.calibration.fit import REFUSED
from models.checkpoint import SHIPPED, load_checkpoint
from models.learner import Learner

BARS = {
    ("BANKING77", 5): 81, ("CLINC150", 5): 88, ("HWU64", 5): 78,
    ("BANKING77", 10): 86, ("CLINC150", 10): 90.5, ("HWU64", 10): 84,
}  # fmt: skip
"""Accuracy on all classes, in %."""
UNSEEN = ("BANKING77", "HWU64")
GAIN, LEAST_GAIN = 1.0, 0.5
"""Points over the same without meta-training, 5-way 1-shot: the mean, and where its 95 % interval begins."""
AREA, REFUSAL_ERROR = 0.92, 0.03
ADAPT_MS, PREDICT_MS = 300, 20
SHOTS = (5, 10)


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="The folder of the intents, or the one it lies in.")],
    checkpoint: Annotated[Path, typer.Option(help="The checkpoint.")] = SHIPPED / "text.safetensors",
    draws: Annotated[int, typer.Option(min=2, help="Support sets of all classes.")] = 5,
    episodes: Annotated[int, typer.Option(min=2, help="5-way episodes of each setting.")] = 600,
    cache: Annotated[Path | None, typer.Option(help="Folder that keeps what the encoder made of the texts.")] = None,
    part: Annotated[list[str] | None, typer.Option(help="One part alone, repeatable; all when not given.")] = None,
) -> None:
    """Compare by accuracy."""
    learner = Learner(load_checkpoint(checkpoint), torch.device("cpu"))
    about = learner.checkpoint.metadata
    encode = about.encoder.build(learner.checkpoint.encoder, about.input, learner.device, torch.get_num_threads())
    sets = read_sets(data, about.input, encode, about.encoder.model_dump_json(), cache)
    typer.echo(f"{describe_machine()}; {checkpoint.name}, {learner.checkpoint.digest:.19}\n")
    parts: dict[str, Callable[[], list[str]]] = {
        "all": partial(_all_classes, learner, sets, draws),
        "few": partial(_few_classes, learner, sets, episodes),
        "known": partial(_known, learner, sets),
        "served": partial(_over_http, sets),
    }
    if unknown := set(part or ()) - parts.keys():
        raise typer.BadParameter(f"{', '.join(unknown)}: there are {', '.join(parts)}", param_hint="--part")
    missed = [each for name in part or parts for each in parts[name]()]
    typer.echo("\n".join(f"missed: {each}" for each in missed) or "every bar is met")
    raise typer.Exit(bool(missed))


def _all_classes(learner: Learner, sets: list[TextSet], draws: int) -> list[str]:
    """Accuracy on all classes."""
    field, found = contenders(learner), {}
    for shots in SHOTS:
        for texts in sorted(sets, key=lambda each: len(each.classes)):
            tasks = [encoded(texts, of_all(texts, shots, seed)) for seed in range(draws)]
            found[texts.name, shots] = each = score(field, tasks, texts.name)
            said = ", ".join(f"{name} {interval(values)}" for name, values in each.items())
            typer.echo(f"{texts.name}, {len(texts.classes)} classes, {shots} shots: {said}")
    _table(f"all classes, {draws} draws", {f"{name}, {shots} shots": each for (name, shots), each in found.items()})
    return [
        f"{name}, {shots} shots: {100 * each[OURS].mean():.2f} % of {BARS[name, shots]}"
        for (name, shots), each in found.items()
        if 100 * each[OURS].mean() < BARS[name, shots]
    ]


def _few_classes(learner: Learner, sets: list[TextSet], episodes: int) -> list[str]:
    """Accuracy in 5-way episodes, and what meta-training gains: at one shot, and at five with the default steps."""
    field, missed, found = contenders(learner, few=True), [], {}
    for texts in (each for each in sets if each.name in UNSEEN):
        for shots in (1, 5):
            drawn = [encoded(texts, draw(texts, 5, shots, number)) for number in range(episodes)]
            found[f"{texts.name}, 5-way {shots}-shot"] = each = score(field, drawn, f"{texts.name}, {shots}")
            gain = 100 * (each[OURS] - each[FROZEN])
            error = 1.96 * gain.std(ddof=1) / episodes**0.5
            said = ", ".join(f"{name} {interval(values)}" for name, values in each.items())
            typer.echo(
                f"{texts.name}, 5-way {shots}-shot: meta-training gains {gain.mean():+.2f} ± {error:.2f}; {said}"
            )
            low = gain.mean() - error
            if (shots == 1 and (gain.mean() < GAIN or low < LEAST_GAIN)) or (shots == 5 and gain.mean() + error < 0):
                missed.append(f"gain on {texts.name} at {shots} shots: {gain.mean():+.2f} ± {error:.2f}")
    _table(f"{episodes} episodes", found)
    return missed


def _table(title: str, found: dict[str, Accuracies]) -> None:
    typer.echo(f"\n| {title}, accuracy in % | " + " | ".join(found) + " |\n|---|" + "---|" * len(found))
    for name in next(iter(found.values())):
        typer.echo(f"| {name} | " + " | ".join(interval(each[name]) for each in found.values()) + " |")
    typer.echo("")


def _known(learner: Learner, sets: list[TextSet]) -> list[str]:
    """How well CLINC150's queries that are of no class are told from the others, and how many of these are refused."""
    (texts,) = (each for each in sets if len(each.strangers))
    missed = []
    for shots in SHOTS:
        task, _ = encoded(texts, of_all(texts, shots, seed=0))
        good, size = _looks(learner, task, task.queries)
        strange, _ = _looks(learner, task, texts.vectors[texts.strangers])
        found, refused = area(good[0], strange[0]), float((~good[1]).mean())
        typer.echo(
            f"known, {texts.name}, {shots} shots: AUROC {found:.3f}; refused {100 * refused:.1f} % of its own queries "
            f"({100 * REFUSED:.0f} % promised), {100 * float((~strange[1]).mean()):.1f} % of {len(texts.strangers)} "
            f"strangers; the model is {size / 1000:.0f} KB"
        )
        if found < AREA or abs(refused - REFUSED) > REFUSAL_ERROR:
            missed.append(f"known at {shots} shots: AUROC {found:.3f}, {100 * refused:.1f} % refused")
    return missed


def _looks(learner: Learner, task: Task, queries: torch.Tensor) -> tuple[tuple[np.ndarray, np.ndarray], int]:
    """Familiarity of queries, whether it is enough, and the bytes of the model."""
    (made,) = learner.adapt([support_of(learner, task, None)])
    (said,) = learner.predict([made.adapted], [queries])
    if said.looks.familiarity is None or said.looks.known is None:
        raise typer.BadParameter("it has no calibration: it can't tell what is known", param_hint="--checkpoint")
    size = sum(tensor.nbytes for tensor in made.adapted.tensors.values())
    return (said.looks.familiarity.numpy(), said.looks.known.numpy()), size


def _over_http(sets: list[TextSet]) -> list[str]:
    found = serve(sets, SHOTS)
    for (name, shots), accuracy in found.accuracies.items():
        took = found.seconds[name, shots]
        typer.echo(f"over HTTP, {name}, {shots} shots: {100 * accuracy:.2f} %, adapted in {took:.1f} s")
    adapt, predict = (float(np.median(times)) for times in (found.adapt_ms, found.predict_ms))
    typer.echo(f"25 texts adapted in {adapt:.0f} ms (p50), a text predicted in {predict:.0f} ms (p50)")
    slow = [f"adapting takes {adapt:.0f} ms"] if adapt > ADAPT_MS else []
    slow += [f"predicting takes {predict:.0f} ms"] if predict > PREDICT_MS else []
    return slow


if __name__ == "__main__":
    restart_with_environment()  # the malloc that the server has
    typer.run(main)
