"""Measure what 10,000 adapted models in one store cost: starts, pages of the list, predictions by cold models.

    python -m benchmarks.many_models                          # 20 GB of temporary files, in TMPDIR, and some minutes
    python -m benchmarks.many_models --models 1000 --rounds 10

A server adapts one model to the photos in tests/data and keeps its images; the store's own `put` then copies it under
other ids. `kshot serve`, on the loopback, starts in turns on an empty store, one with a tenth of the models and one
with all. It lists pages, and predicts with one model after another, each first cold and then warm. The files of half of
these models were dropped from the system's memory before (on Linux; the last line says for how many that was seen).
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Annotated

import httpx
import numpy as np
import typer
from tqdm import tqdm

from app.store import DirectoryStore, Stored, new_id
from benchmarks.machine import describe_machine
from benchmarks.server import running_server
from kshot import Client

PHOTOS = Path(__file__).parents[1] / "tests" / "data" / "photos"
WRITERS = 8
WARM_UP = 3


def main(
    models: Annotated[int, typer.Option(min=100, help="How many there are.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=2, help="Requests of each kind.")] = 30,
    starts: Annotated[int, typer.Option(min=2, help="Starts on each store.")] = 7,
) -> None:
    """Time the running service on a store of many models."""
    typer.echo(f"{describe_machine()}; {models} models; {rounds} rounds; {starts} starts\n")
    with tempfile.TemporaryDirectory() as folder:
        stores = {number: Path(folder) / str(number) for number in (0, models // 10, models)}
        one, images = _adapted(stores[0])
        for number, directory in stores.items():
            _fill(DirectoryStore(directory), one, images, number)
        _report_starts(stores, starts)
        with running_server(store=stores[models]) as url:
            _report_pages(url, models, rounds)
            _report_predictions(url, stores[models], rounds)


def _adapted(directory: Path) -> tuple[Stored, bytes]:
    """Return a model and its images, made by a server; the store is empty again."""
    with running_server(store=directory) as url, Client(url) as client:
        model_id = client.adapt(PHOTOS / "support", checkpoint="photo").id
        store = DirectoryStore(directory)
        with store.images(model_id) as file:
            made = store.get(model_id), file.read()
        client.delete(model_id)
    return made


def _fill(store: DirectoryStore, one: Stored, images: bytes, number: int) -> None:
    def put(_: int) -> None:
        store.put(replace(one, record=one.record.model_copy(update={"id": new_id()})), images)

    with ThreadPoolExecutor(WRITERS) as pool:
        list(tqdm(pool.map(put, range(number)), total=number, unit="model", leave=False))
    usage = store.usage()
    typer.echo(f"{usage.models} models take {usage.bytes / 1e9:.1f} GB")


def _report_starts(stores: dict[int, Path], starts: int) -> None:
    seconds: dict[int, list[float]] = {number: [] for number in stores}
    for _ in tqdm(range(starts), unit="round", leave=False):
        for number, directory in stores.items():
            start = time.perf_counter()
            with running_server(store=directory):
                seconds[number].append(time.perf_counter() - start)
    typer.echo("\n| seconds until ready | p5 | p50 | p95 |\n|---|---|---|---|")
    for number, values in seconds.items():
        typer.echo(f"| {number} models | {_percentiles(values, '.2f')} |")
    ratios = [many / none for none, many in zip(seconds[0], seconds[max(stores)], strict=True)]
    typer.echo(f"| times that of none | {_percentiles(ratios, '.2f')} |")


def _report_pages(url: str, models: int, rounds: int) -> None:
    with httpx.Client(base_url=url) as http:
        cursors = _cursors(http)
        if len(cursors) != -(-models // 100):
            raise RuntimeError(f"{models} models make {len(cursors)} pages of 100")
        pages = {"first": cursors[0], "middle": cursors[len(cursors) // 2], "last": cursors[-1]}
        taken = {
            name: [_milliseconds(lambda cursor=cursor: _page(http, cursor)) for _ in range(WARM_UP + rounds)][WARM_UP:]
            for name, cursor in pages.items()
        }
    typer.echo("\n| ms of GET /models, 100 a page | p5 | p50 | p95 |\n|---|---|---|---|")
    for name, values in taken.items():
        typer.echo(f"| {name} page | {_percentiles(values, '.1f')} |")


def _cursors(http: httpx.Client) -> list[str | None]:
    """Return the cursors of all pages."""
    cursors: list[str | None] = [None]
    while following := _page(http, cursors[-1]).json()["next_cursor"]:
        cursors.append(following)
    return cursors


def _page(http: httpx.Client, cursor: str | None) -> httpx.Response:
    return http.get("/models", params={"cursor": cursor} if cursor else {}).raise_for_status()


def _report_predictions(url: str, directory: Path, rounds: int) -> None:
    photo = next((PHOTOS / "query").glob("*/*.jpg"))
    files = Random(0).sample(sorted(directory.glob("*.safetensors")), WARM_UP + 2 * rounds)  # noqa: S311
    taken: dict[str, list[float]] = {"warm": [], "cold, file in the system's memory": [], "cold, file on the disk": []}
    dropped = 0
    with Client(url) as client:
        for index, file in enumerate(files):
            kind = list(taken)[1 + index % 2]
            if kind == "cold, file on the disk":
                _drop(file)
                dropped += index >= WARM_UP and not _in_memory(file)
            else:
                file.read_bytes()
            cold, warm = (_milliseconds(lambda file=file: client.predict(file.stem, [photo])) for _ in range(2))
            if index >= WARM_UP:
                taken[kind].append(cold)
                taken["warm"].append(warm)
    typer.echo("\n| ms of POST /predict, 1 photo | p5 | p50 | p95 |\n|---|---|---|---|")
    for name, values in taken.items():
        typer.echo(f"| {name} | {_percentiles(values, '.1f')} |")
    warm_median = np.median(taken.pop("warm"))
    for name, values in taken.items():
        typer.echo(f"| {name}: times warm | {_percentiles([value / warm_median for value in values], '.2f')} |")
    typer.echo(f"{dropped} files were seen to be out of the system's memory before they were asked for.")


def _drop(file: Path) -> None:
    with file.open("rb") as opened:
        os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _in_memory(file: Path) -> bool:
    """Say whether the first byte of a file can be read without the disk."""
    with file.open("rb", buffering=0) as opened:
        try:
            return os.preadv(opened.fileno(), [bytearray(1)], 0, os.RWF_NOWAIT) == 1
        except BlockingIOError:
            return False


def _milliseconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - start)


def _percentiles(values: Sequence[float], form: str) -> str:
    return " | ".join(format(value, form) for value in np.percentile(values, (5, 50, 95)))


if __name__ == "__main__":
    typer.run(main)
