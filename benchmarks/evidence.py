"""Whether `evidence` tells where a picture shows its label: what greying the places that say most does to its score.

    python -m benchmarks.evidence --data ~/grocery-store.tar --data ~/clothing.tar --domains ~/domains-validation.tar

5-way 5-shot models over HTTP, one new picture of each class: the ten places of 7 × 7 that say most are greyed, and ten
at random, several times. The table says of how many pictures the first lowers the label's score by more than the others
do in the mean, and by how much, with 95 % intervals over pictures.
"""

import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from benchmarks.machine import describe_machine
from benchmarks.server import running_server
from kshot import Client
from meta_training.calibration.episodes import draw
from meta_training.data.episodes import generator
from meta_training.data.image_classes import ImageClasses
from meta_training.data.splits import read_data
from models.checkpoint import SHIPPED, load_checkpoint
from models.inputs.covering import GREY, PLACES

SHOTS = (5,) * 5
GREYED = PLACES**2 // 5
TIMES = 8


def main(
    data: Annotated[list[Path] | None, typer.Option(help="A data set of photos. Repeat it.")] = None,
    domains: Annotated[list[Path] | None, typer.Option(help="A folder, zip or tar of data sets. Repeat it.")] = None,
    models: Annotated[int, typer.Option(min=1, help="Of each data set.")] = 4,
    seed: Annotated[int, typer.Option(help="Decides classes, pictures and places.")] = 1,
) -> None:
    """Grey what is said to matter."""
    if not data and not domains:
        raise typer.BadParameter("Name data by --data or --domains.")
    spec = load_checkpoint(SHIPPED / "photo.safetensors").metadata.input
    sets = {path.stem: read_data(path, spec, progress=True) for path in data or []}
    for path in domains or []:
        sets |= read_data(path, spec, progress=True).by_domain()
    typer.echo(f"{describe_machine()}; {models} models a set, seed {seed}\n")
    typer.echo("| set | pictures | where greying the places tells more | falls by | at random |\n|---|---|---|---|---|")
    everywhere: list[tuple[float, float]] = []
    with running_server() as url, Client(url) as client:
        for name, classes in tqdm(sets.items(), unit="set", leave=False):
            found = [each for number in range(models) for each in _falls(client, classes, generator(seed, number))]
            everywhere += found
            typer.echo(_row(name, found))
    typer.echo(_row("**all**", everywhere))


def _falls(client: Client, classes: ImageClasses, rng: Generator) -> Iterator[tuple[float, float]]:
    """Of one model: by how much the score of each picture's label falls by its evidence, and at random."""
    episode = draw(rng, classes, SHOTS[: len(classes)], 1)
    support = zip(map(str, episode.labels.tolist()), map(_file, episode.images.numpy()), strict=True)
    model = client.adapt(list(support), checkpoint="photo", keep_images=False)
    for picture in episode.queries.numpy():
        (seen,) = client.predict(model.id, [_file(picture)], evidence=True).predictions
        places = seen.evidence.places if seen.evidence else []
        most = np.argsort(np.array(places), axis=None)[-GREYED:]
        chosen = [most, *(rng.permutation(PLACES**2)[:GREYED] for _ in range(TIMES))]
        files = [_file(_greyed(picture, places)) for places in chosen]
        said = client.predict(model.id, files, top_k=len(SHOTS)).predictions
        scores = [{each.label: each.score for each in one.top}[seen.label] for one in said]
        yield seen.score - scores[0], seen.score - sum(scores[1:]) / TIMES
    client.delete(model.id)


def _greyed(picture: NDArray[np.uint8], places: NDArray[np.int64]) -> NDArray[np.uint8]:
    """A picture [C, H, W] without these of its places."""
    side = picture.shape[1] // PLACES
    rest = picture.copy()
    for place in places.tolist():
        row, column = divmod(place, PLACES)
        rest[:, row * side : (row + 1) * side, column * side : (column + 1) * side] = GREY
    return rest


def _file(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture.transpose(1, 2, 0)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _row(name: str, found: list[tuple[float, float]]) -> str:
    ours, random = np.array(found).T
    better = (ours > random).mean()
    half = 1.96 * math.sqrt(better * (1 - better) / len(found))
    return f"| {name} | {len(found)} | {better:.1%} ± {half:.1%} | {ours.mean():.3f} | {random.mean():.3f} |"


if __name__ == "__main__":
    typer.run(main)
