"""What a running server answers: accuracy on all classes, and how long it takes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from benchmarks.server import running_server
from benchmarks.text_accuracy.sets import TextSet
from benchmarks.text_accuracy.tasks import of_all
from kshot import Client

ASKED = 500  # texts of a request
REPEATS, WAYS, SHOTS = 40, 5, 5
SETTINGS = {"max_classes": "150", "max_texts": "2000"}


@dataclass(frozen=True)
class Served:
    """Accuracy by set and shots, times in milliseconds, and bytes of a model's file."""

    accuracies: dict[tuple[str, int], float]
    seconds: dict[tuple[str, int], float]
    adapt_ms: np.ndarray
    predict_ms: np.ndarray


def serve(sets: Sequence[TextSet], shots: Sequence[int]) -> Served:
    """Adapt to the first draw of all classes over HTTP, and ask about the whole test set; then time small requests."""
    accuracies, seconds = {}, {}
    with running_server(**SETTINGS) as url, Client(url, timeout=600) as client:
        for texts in sets:
            for count in shots:
                seconds[texts.name, count], accuracies[texts.name, count] = _all_classes(client, texts, count)
        adapt, predict = _times(client, sets[0])
    return Served(accuracies, seconds, adapt, predict)


def _all_classes(client: Client, texts: TextSet, shots: int) -> tuple[float, float]:
    drawn = of_all(texts, shots, seed=0)
    pairs = [
        (texts.classes[label], texts.texts[n])
        for label, n in zip(drawn.labels.tolist(), drawn.support.tolist(), strict=True)
    ]
    began = time.perf_counter()
    model = client.adapt(texts=pairs, keep_images=False)
    seconds = time.perf_counter() - began
    asked, said = [texts.texts[number] for number in texts.test.tolist()], []
    for start in tqdm(range(0, len(asked), ASKED), desc=f"{texts.name} over HTTP, {shots} shots", leave=False):
        said += client.predict(model.id, texts=asked[start : start + ASKED], top_k=1).predictions
    right = [each.label == texts.classes[answer] for each, answer in zip(said, drawn.answers.tolist(), strict=True)]
    return seconds, float(np.mean(right))


def _times(client: Client, texts: TextSet) -> tuple[np.ndarray, np.ndarray]:
    """Milliseconds of a request with 25 texts in 5 classes, and of one that asks about a single text."""
    rng, adapt, predict = np.random.default_rng(0), [], []
    for _ in tqdm(range(REPEATS), desc="timing", leave=False):
        chosen = rng.choice(len(texts.classes), WAYS, replace=False).tolist()
        pairs = [(texts.classes[c], texts.texts[int(n)]) for c in chosen for n in rng.choice(texts.train[c], SHOTS)]
        began = time.perf_counter()
        model = client.adapt(texts=pairs)
        adapt.append(time.perf_counter() - began)
        began = time.perf_counter()
        client.predict(model.id, texts=[texts.texts[int(rng.choice(texts.test))]])
        predict.append(time.perf_counter() - began)
    return 1000 * np.array(adapt), 1000 * np.array(predict)
