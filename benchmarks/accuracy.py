"""Accuracy of the shipped `omniglot` checkpoint through the running HTTP service, on characters it never saw.

    python -m benchmarks.accuracy --data ~/omniglot            # 400 episodes of each setting
    python -m benchmarks.accuracy --setting 5x1 --episodes 50
    python -m benchmarks.accuracy --setting 5x1 --largest-sheet 2.5     # drawn smaller and elsewhere on the sheet

Every episode uploads PNG files of N test characters × K drawings to POST /adapt, with the checkpoint's default steps,
and one other drawing of each class to POST /predict. Nothing runs in process.
"""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tqdm import tqdm

from benchmarks.drawings import Characters, draw, on_sheet, require, test_characters
from benchmarks.machine import describe_machine
from benchmarks.server import running_server
from kshot import AsyncClient

SETTINGS = ["5x1", "5x5", "20x1", "20x5", "2x1", "2x5", "50x1", "50x5"]
CLIENTS = 4  # episodes in flight


def main(
    data: Annotated[Path, typer.Option(envvar="KSHOT_DATA", help="Folder of Omniglot's two zips.")],
    setting: Annotated[list[str] | None, typer.Option(help="N×K as `5x1`, repeatable; eight when not given.")] = None,
    episodes: Annotated[int, typer.Option(min=2, help="Episodes of each setting.")] = 400,
    largest_sheet: Annotated[
        float, typer.Option(min=1, help="Put each drawing on a sheet of 1 to so many times its sides.")
    ] = 1,
    seed: Annotated[int, typer.Option(help="Decides the episodes.")] = 0,
) -> None:
    """Score the running service."""
    settings = [_parse(text) for text in setting or SETTINGS]
    characters = test_characters(data)
    for ways, shots in settings:
        require(characters, ways, shots)
    typer.echo(f"{describe_machine()}; {len(characters)} test characters, {episodes} episodes each, seed {seed}\n")
    typer.echo("| setting | accuracy, % | 95 % interval |\n|---|---|---|")
    with running_server() as url:
        for ways, shots in settings:
            scores = asyncio.run(_score(url, characters, ways, shots, episodes, seed, largest_sheet))
            error = 1.96 * scores.std(ddof=1) / np.sqrt(episodes)
            typer.echo(f"| {ways}-way {shots}-shot | {100 * scores.mean():.2f} | ± {100 * error:.2f} |")


def _parse(setting: str) -> tuple[int, int]:
    if not re.fullmatch(r"\d+x\d+", setting):
        raise typer.BadParameter(f"{setting!r} is not N×K, as in 5x1.", param_hint="--setting")
    ways, shots = setting.split("x")
    return int(ways), int(shots)


async def _score(
    url: str, characters: Characters, ways: int, shots: int, episodes: int, seed: int, largest_sheet: float
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The accuracy of each episode."""
    numbers = iter(tqdm(range(episodes), desc=f"{ways}-way {shots}-shot", unit="episode", leave=False))
    scores = np.zeros(episodes)

    async def work(client: AsyncClient, todo: Iterator[int]) -> None:
        for number in todo:
            rng = np.random.default_rng((seed, ways, shots, number))
            support, query = draw(rng, characters, ways, shots, queries=1)
            if largest_sheet > 1:
                support, query = (
                    [(label, on_sheet(rng, file, largest_sheet)) for label, file in part] for part in (support, query)
                )
            model = await client.adapt(support, checkpoint="omniglot")
            answer = await client.predict(model.id, [file for _, file in query])
            right = [
                prediction.label == label for prediction, (label, _) in zip(answer.predictions, query, strict=True)
            ]
            scores[number] = np.mean(right)
            await client.delete(model.id)

    async with AsyncClient(url) as client:
        await asyncio.gather(*(work(client, numbers) for _ in range(CLIENTS)))
    return scores


if __name__ == "__main__":
    typer.run(main)
