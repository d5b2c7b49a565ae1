"""How long POST /adapt and POST /predict take with photos, where the time goes, and how long the plain way takes.

    python -m benchmarks.photo_latency                        # clothing.tar in KSHOT_DATA, 30 rounds
    python -m benchmarks.photo_latency --data ~/my-photos --rounds 10
    python -m benchmarks.photo_latency --beside checkpoints/photo-large.safetensors

Photos are JPEG of 640×480. In each round the service (`kshot serve` in a process of its own, on the loopback, one
request after another) and the plain way (`photo_plain`, in this process, on the same files) take turns at each kind of
request. The plain way has no HTTP, checks or store in its time; its predictions have an adapted model in memory.
With `--beside` another checkpoint of the same server takes its turn too.
"""

import io
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, TypeVar

import numpy as np
import psutil
import torch
import typer
from PIL import Image, ImageOps
from tqdm import tqdm

from app.server.process import restart_with_environment
from benchmarks.machine import describe_machine
from benchmarks.photo_plain import Model, PlainWay
from benchmarks.server import running_server
from kshot import Client
from meta_training.data.sources import image_files
from meta_training.errors import DataError
from models.checkpoint import SHIPPED, load_checkpoint

NAME = "photo"
SIZE, QUALITY = (640, 480), 90
WAYS, SHOTS = 5, 5
WARM_UP = 3
TOTAL = "end to end"
COMPUTE = ("encode", "adapt", "predict")
Timing = dict[str, float]
Labelled = list[tuple[str, bytes]]
T = TypeVar("T")


@dataclass(frozen=True)
class Photos:
    """JPEG files: support sets of 25 and of 5 by label, and one of no support set."""

    many: Labelled
    few: Labelled
    query: bytes


@dataclass(frozen=True)
class Round:
    """Milliseconds by phase of each kind of request: the service's, the plain way's, and another checkpoint's."""

    ours: dict[str, Timing]
    plain: dict[str, Timing]
    beside: dict[str, Timing]


def main(
    data: Annotated[Path | None, typer.Option(help="Folder, zip or tar of class folders; else in KSHOT_DATA.")] = None,
    rounds: Annotated[int, typer.Option(min=2, help="Requests of each kind.")] = 30,
    beside: Annotated[
        Path | None, typer.Option(help="Another checkpoint of photographs, in whose folder is photo.safetensors too.")
    ] = None,
) -> None:
    """Time the running service and the plain way in turns."""
    photos = _photos(data or Path(os.environ.get("KSHOT_DATA", ".")) / "clothing.tar")
    folder, other = (beside.parent, beside.stem) if beside else (SHIPPED, None)
    plain = PlainWay(load_checkpoint(folder / f"{NAME}.safetensors"))
    threads = torch.get_num_threads()
    typer.echo(f"{describe_machine()}; {rounds} rounds; {threads} threads in the plain way\n")
    with running_server(checkpoints=str(folder)) as url, Client(url) as client:
        numbers = tqdm(range(-WARM_UP, rounds), unit="round", leave=False)
        measured = [_round(client, plain, photos, other) for _ in numbers][WARM_UP:]
        peak = _peak_bytes()
    for kind in measured[0].ours:
        _print(kind, measured, other)
    typer.echo(f"Peak memory of the server: {peak / 1e9:.2f} GB")


def _photos(source: Path) -> Photos:
    """The first of the first five classes. Raises DataError where there are not enough."""
    by_class = [
        [(label, content) for _, _, content in files]
        for label, files in groupby(image_files(source), key=lambda file: file[0])
    ]
    chosen = [files for files in by_class if len(files) > SHOTS][:WAYS]
    if len(chosen) < WAYS:
        raise DataError(f"{source} has fewer than {WAYS} classes of {SHOTS + 1} photos. Name another data set.")
    jpegs = [[(label, _as_jpeg(content)) for label, content in files[: SHOTS + 1]] for files in chosen]
    many = [file for files in jpegs for file in files[:SHOTS]]
    return Photos(many, [files[0] for files in jpegs], jpegs[0][SHOTS][1])


def _as_jpeg(content: bytes) -> bytes:
    out = io.BytesIO()
    with Image.open(io.BytesIO(content)) as image:
        ImageOps.fit(image.convert("RGB"), SIZE).save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _round(client: Client, plain: PlainWay, photos: Photos, other: str | None) -> Round:
    """Ours, plain and the other checkpoint, in turns at each kind of request."""
    one = Round({}, {}, {})
    for support in (photos.many, photos.few):
        kind = f"POST /adapt, {len(support)} photos of {WAYS} classes"
        one.ours[kind], model_id = _adapt(client, support, NAME)
        one.plain[kind], model = _adapt_plainly(plain, support)
        if other:
            one.beside[kind], other_id = _adapt(client, support, other)
    kind = "POST /predict, 1 photo"
    one.ours[kind] = _predict(client, model_id, photos.query)
    one.plain[kind] = _predict_plainly(plain, model, photos.query)
    if other:
        one.beside[kind] = _predict(client, other_id, photos.query)
    return one


def _adapt(client: Client, support: Labelled, checkpoint: str) -> tuple[Timing, str]:
    start = time.perf_counter()
    model = client.adapt(support, checkpoint=checkpoint)
    total = 1e3 * (time.perf_counter() - start)
    return {TOTAL: total, **model.timings_ms.model_dump()}, model.id


def _predict(client: Client, model_id: str, query: bytes) -> Timing:
    start = time.perf_counter()
    answer = client.predict(model_id, [query])
    return {TOTAL: 1e3 * (time.perf_counter() - start), **answer.timings_ms.model_dump()}


def _adapt_plainly(plain: PlainWay, support: Labelled) -> tuple[Timing, Model]:
    names = list(dict.fromkeys(label for label, _ in support))
    labels = torch.tensor([names.index(label) for label, _ in support])
    phases: Timing = {}
    images = _timed(phases, "decode", lambda: plain.decode(content for _, content in support))
    encoded = _timed(phases, "encode", lambda: plain.encode(images))
    model = _timed(phases, "adapt", lambda: plain.adapt(encoded, labels, len(names)))
    return {TOTAL: sum(phases.values()), **phases}, model


def _predict_plainly(plain: PlainWay, model: Model, query: bytes) -> Timing:
    phases: Timing = {}
    images = _timed(phases, "decode", lambda: plain.decode([query]))
    encoded = _timed(phases, "encode", lambda: plain.encode(images))
    _timed(phases, "predict", lambda: plain.predict(model, encoded).argmax(dim=1).tolist())
    return {TOTAL: sum(phases.values()), **phases}


def _timed(phases: Timing, name: str, work: Callable[[], T]) -> T:
    start = time.perf_counter()
    done = work()
    phases[name] = 1e3 * (time.perf_counter() - start)
    return done


def _peak_bytes() -> int:
    """Most memory that the server has held at a time, of which Linux keeps account."""
    (server,) = psutil.Process().children()
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    (peak,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return 1024 * int(peak)


def _print(kind: str, rounds: Sequence[Round], other: str | None) -> None:
    typer.echo(f"| {kind}: ms | p5 | p50 | p95 |\n|---|---|---|---|")
    others = [(f"{other}, ", [one.beside[kind] for one in rounds])] if other else []
    for who, timings in (
        ("", [one.ours[kind] for one in rounds]),
        ("plain, ", [one.plain[kind] for one in rounds]),
        *others,
    ):
        for phase in timings[0]:
            typer.echo(f"| {who}{phase} | {_percentiles([timing[phase] for timing in timings], '.1f')} |")
    typer.echo("| **times ours** | p5 | p50 | p95 |")
    pairs = [(one.plain[kind], one.ours[kind]) for one in rounds]
    typer.echo(f"| {TOTAL} | {_percentiles([plain[TOTAL] / ours[TOTAL] for plain, ours in pairs], '.2f')} |")
    computing = [_compute(plain) / _compute(ours) for plain, ours in pairs]
    typer.echo(f"| computing alone | {_percentiles(computing, '.2f')} |")
    if other:
        longer = [one.beside[kind][TOTAL] / one.ours[kind][TOTAL] for one in rounds]
        typer.echo(f"| {other}, {TOTAL} | {_percentiles(longer, '.2f')} |")
    typer.echo()


def _compute(timing: Timing) -> float:
    """Without decoding, queue, store and HTTP."""
    return sum(timing.get(phase, 0.0) for phase in COMPUTE)


def _percentiles(values: Sequence[float], form: str) -> str:
    return " | ".join(format(value, form) for value in np.percentile(values, (5, 50, 95)))


if __name__ == "__main__":
    restart_with_environment()  # both ways then have the malloc that the server has
    typer.run(main)
