"""Say where images show their labels: by how much the odds of a label fall when a place is covered."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from app import errors
from app.engine.work import PredictWork
from app.service.service import Service
from app.tenants.tenant import Tenant
from kshot.predictions import Evidence
from models.inputs.covering import PLACES, spread
from models.inputs.interface import Input

MOST_IMAGES = 20
SIDE = 224  # of the overlay at least, in pixels
RED, BLUE = (230, 40, 20), (20, 80, 230)
TINY = 1e-7  # from which on, and up to 1 less it, probabilities are told apart
STRONGEST = 0.65  # share of the colour where a place says most


def check_evidence(images: int) -> None:
    """Raise TooManyImages if there are more than evidence is given of."""
    if images > MOST_IMAGES:
        detail = f"There are {images} images, and evidence is given of {MOST_IMAGES} at most. Send fewer at a time."
        raise errors.TooManyImages(detail, field="evidence")


async def evidence(
    service: Service, tenant: Tenant, work: PredictWork, labels: Sequence[int], source: Input
) -> list[Evidence | None]:
    """Return what speaks for the label of each image of a work, one by one, so that others have their turns between."""
    found: list[Evidence | None] = []
    for image, label in zip(work.images, labels, strict=True):
        copies = await service.workers.run(_with_copies, source, image)
        if copies is None:
            return [None] * len(work.images)
        alone = replace(work, images=copies, transductive=False)
        said = await service.run(alone, tenant, service.stopwatch(work.checkpoint))
        odds = said.probabilities[:, label].logit(TINY)
        found.append(await service.workers.run(_evidence, image, (odds[0] - odds[1:]).view(PLACES, PLACES)))
    return found


def _with_copies(source: Input, image: Tensor) -> Tensor | None:
    """Return an image and its copies with a place covered; None if it has no places."""
    copies = source.covered(image)
    return None if copies is None else torch.cat([image[None], copies])


def _evidence(image: Tensor, places: Tensor) -> Evidence:
    """From an image [C, H, W] and what each of its places says."""
    rows = [[round(fall, 3) for fall in row] for row in places.tolist()]
    file = io.BytesIO()
    _overlay(image, places).save(file, "PNG", compress_level=1)
    return Evidence(places=rows, overlay=f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}")


def _overlay(image: Tensor, places: Tensor) -> Image.Image:
    """Return an image as colours, tinted by what its places say, relative to the one that says most."""
    times = -(-SIDE // image.shape[2])
    picture = image.expand(3, -1, -1).permute(1, 2, 0).repeat_interleave(times, 0).repeat_interleave(times, 1)
    heat = spread(places / places.abs().max().clamp_min(1e-6), *picture.shape[:2]).clamp(-1, 1)[..., None]
    colour = torch.where(heat > 0, torch.tensor(RED), torch.tensor(BLUE))
    tinted = torch.lerp(picture.float(), colour.float(), STRONGEST * heat.abs())
    return Image.fromarray(tinted.round().to(torch.uint8).numpy())
