"""Use a service for many thousand requests, and see whether its memory, its answers and its errors stay as they were.

    python -m benchmarks.soak                                 # 20,000 adaptations and 50,000 predictions, half an hour
    python -m benchmarks.soak --adapts 2000 --predicts 5000

16 clients adapt to drawings, of 2 to 10 classes with 1 to 5 drawings each and 0 to 5 steps, and ask models at random,
each time the same of a model as the first time: the scores must be the first ones, to float tolerance. The oldest
models are deleted, so that about 1,500 are there, of which a small cache holds a tenth.
"""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Annotated, Any

import httpx
import numpy as np
import psutil
import typer
from tqdm import tqdm

from benchmarks.load.requests import DATA
from benchmarks.machine import describe_machine
from benchmarks.server import running_server, server_process

CLIENTS = 16
KEPT = 1500
CACHE_BYTES = 64 * 2**20
TOLERANCE = 1e-3  # of probabilities, after five steps in float32, alone or in a batch
LOOK_SECONDS = 2.0
WARM = 0.3  # share of the run before memory is looked at
FOLDERS = ("support", "query", "more")
FILES = {
    folder: [path.read_bytes() for path in sorted(folder.iterdir())]
    for part in FOLDERS
    for folder in sorted((DATA / "drawings" / part).iterdir())
}


@dataclass
class Soak:
    """What the clients do, and what came of it."""

    http: httpx.AsyncClient
    left: dict[str, int]
    bar: Any
    random: Random = field(default_factory=lambda: Random(0))  # noqa: S311
    models: "OrderedDict[str, tuple[bytes, list[float] | None]]" = field(default_factory=OrderedDict)
    """For each model the picture that it is asked about, and the scores that it gave first."""
    errors: list[str] = field(default_factory=list)
    ids: int = 0
    repeated: int = 0
    largest: float = 0.0
    """Largest difference of a score from the first."""

    async def client(self) -> None:
        """Adapt or predict, whichever is due, until all is done."""
        while due := [kind for kind, count in self.left.items() if count > 0]:
            kind = self.random.choices(due, [self.left[kind] for kind in due])[0] if self.models else "adapts"
            self.left[kind] -= 1
            await (self._adapt() if kind == "adapts" else self._predict())
            self.bar.update()

    async def _adapt(self) -> None:
        folders: list[Path] = self.random.sample(list(FILES), self.random.randint(2, 10))
        shots = self.random.randint(1, 5)
        chosen = [(f"{folder.parent.name} {folder.name}", file) for folder in folders for file in FILES[folder][:shots]]
        form = {
            "checkpoint": "omniglot",
            "steps": str(self.random.randint(0, 5)),
            "keep_images": "false",
            "labels": [label for label, _ in chosen],
        }
        answer = await self._post("/adapt", form, [file for _, file in chosen])
        if answer:
            self.ids += 1
            self.models[answer["id"]] = self.random.choice(FILES[self.random.choice(folders)]), None
            while len(self.models) > KEPT:
                await self._delete(self.models.popitem(last=False)[0])

    async def _predict(self) -> None:
        model_id = self.random.choice(list(self.models))
        file, first = self.models[model_id]
        answer = await self._post("/predict", {"model_id": model_id, "top_k": "100"}, [file], model_id)
        if not answer:
            return
        top = answer["predictions"][0]["top"]
        scores = [score for _, score in sorted((each["label"], each["score"]) for each in top)]
        if first is not None:
            self.repeated += 1
            self.largest = max(self.largest, float(np.abs(np.subtract(scores, first)).max()))
        elif model_id in self.models:
            self.models[model_id] = file, scores

    async def _delete(self, model_id: str) -> None:
        answer = await self.http.delete(f"/models/{model_id}")
        if answer.is_error:
            self.errors.append(answer.text)

    async def _post(
        self, path: str, form: dict[str, Any], files: list[bytes], model_id: str = ""
    ) -> dict[str, Any] | None:
        images = [("images", (f"{number}.png", file)) for number, file in enumerate(files)]
        answer = await self.http.post(path, data=form, files=images)
        if answer.is_success:
            body: dict[str, Any] = answer.json()
            return body
        if not (answer.status_code == httpx.codes.NOT_FOUND and model_id not in self.models):  # deleted meanwhile
            self.errors.append(f"{answer.status_code} {answer.text}")
        return None


def main(
    adapts: Annotated[int, typer.Option(min=100, help="How many.")] = 20_000,
    predicts: Annotated[int, typer.Option(min=100, help="How many.")] = 50_000,
) -> None:
    """Use a running service for a long time."""
    typer.echo(f"{describe_machine()}; {adapts} adaptations, {predicts} predictions, {CLIENTS} clients\n")
    with running_server(None, cache_bytes=str(CACHE_BYTES)) as url, tqdm(total=adapts + predicts) as bar:
        start = time.perf_counter()
        soak, looks = asyncio.run(_soak(url, {"adapts": adapts, "predicts": predicts}, bar))
        seconds = time.perf_counter() - start
    _report(soak, np.array(looks), seconds)


async def _soak(url: str, left: dict[str, int], bar: Any) -> tuple[Soak, list[tuple[float, int, int]]]:
    """Run the clients; now and then note how much is done, and the server's bytes of memory and open files."""
    server, looks, total = server_process(url), [], sum(left.values())
    async with httpx.AsyncClient(base_url=url, timeout=60, limits=httpx.Limits(max_connections=CLIENTS)) as http:
        soak = Soak(http, left, bar)
        clients = [asyncio.ensure_future(soak.client()) for _ in range(CLIENTS)]
        while not all(client.done() for client in clients):
            looks.append(_look(server, 1 - sum(left.values()) / total))
            await asyncio.wait(clients, timeout=LOOK_SECONDS)
        await asyncio.gather(*clients)
    return soak, looks


def _look(server: psutil.Process, done: float) -> tuple[float, int, int]:
    return done, server.memory_info().rss, server.num_fds()


def _report(soak: Soak, looks: "np.ndarray[Any, Any]", seconds: float) -> None:
    warm = looks[looks[:, 0] > WARM]
    slope, spread = _slope(warm[:, 0], warm[:, 1] / 1e6)
    rows = {
        "minutes": f"{seconds / 60:.1f}",
        "models made, and kept at a time": f"{soak.ids} and {KEPT}",
        "errors": f"{len(soak.errors)} {soak.errors[:3] or ''}",
        "answers compared with the first": f"{soak.repeated}, largest difference {soak.largest:.1e}",
        "beyond the tolerance": "no" if soak.largest <= TOLERANCE else "YES",
        f"memory, MB: at {WARM:.0%} of the run, at its end, at most": ", ".join(
            f"{value / 1e6:.0f}" for value in (warm[0, 1], warm[-1, 1], looks[:, 1].max())
        ),
        f"its slope after {WARM:.0%}, MB over as much as the whole run": f"{slope:+.1f} ± {spread:.1f}",
        "open files: then, and at the end": f"{warm[0, 2]:.0f} and {warm[-1, 2]:.0f}",
    }
    typer.echo("| | |\n|---|---|")
    for what, value in rows.items():
        typer.echo(f"| {what} | {value} |")


def _slope(done: "np.ndarray[Any, Any]", values: "np.ndarray[Any, Any]") -> tuple[float, float]:
    """Return the slope of a line through the means of ten parts of the run, and its 95 % interval.

    Neighbouring looks depend on one another; the means of parts hardly do.
    """
    parts = [part for part in np.array_split(np.arange(len(done)), 10) if len(part)]
    x, y = (np.array([series[part].mean() for part in parts]) for series in (done, values))
    slope, offset = np.polyfit(x, y, 1)
    scatter = np.sqrt(np.square(y - slope * x - offset).sum() / (len(x) - 2))
    return float(slope), float(2.3 * scatter / np.sqrt(np.square(x - x.mean()).sum()))


if __name__ == "__main__":
    typer.run(main)
