"""A GPU gives the CPU's answers: encode, adapt, predict and train. Needs a GPU; without one these tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from meta_training.data.image_classes import read_classes
from meta_training.data.meta_batches import EpisodeDistribution
from meta_training.data.splits import Split
from meta_training.launch import describe
from meta_training.presets import OMNIGLOT_5WAY
from meta_training.reptile import ALGORITHMS
from models.architecture import MetaInitialization
from models.checkpoint import SHIPPED, load_checkpoint
from models.initializations.adapted import Adaptation, Answers
from models.learner import Learner
from models.tasks import Support

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

CPU, GPU = torch.device("cpu"), torch.device("cuda")
DATA = Path(__file__).parent.parent / "data"
FOLDERS = {"omniglot": DATA / "drawings", "photo": DATA / "photos"}
APART = {"omniglot": 2e-3, "photo": 5e-2}
"""Of a probability: sums in another order go through all inner steps, and the photo encoder runs in half precision."""


@pytest.fixture(autouse=True)
def full_precision() -> Iterator[None]:
    """Convolutions without TF32, whose ten bits would hide what else differs."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


def examples(learner: Learner, folder: Path) -> tuple[Tensor, Tensor]:
    """Examples [S, C, H, W] of a folder of class folders, and their labels [S]."""
    source = learner.checkpoint.metadata.input
    files = sorted(folder.glob("*/*"))
    names = sorted({file.parent.name for file in files})
    labels = torch.tensor([names.index(file.parent.name) for file in files])
    return torch.stack([source.prepare(Image.open(file)) for file in files]), labels


def probabilities(name: str, device: torch.device) -> tuple[list[float], Tensor]:
    """Losses of the first of three tasks of different sizes that are adapted together, and what its model says."""
    learner = Learner(load_checkpoint(SHIPPED / f"{name}.safetensors"), device)
    (images, labels), (queries, _) = (examples(learner, FOLDERS[name] / part) for part in ("support", "query"))
    rate = learner.checkpoint.metadata.inner.learning_rate
    encoded, ways = learner.encode(images), int(labels.max()) + 1
    few = labels < 3
    supports = [
        Support(encoded, labels, ways, 5, rate),
        Support(encoded[few.to(device)], labels[few], 3, 2, rate),
        Support(encoded, labels, ways, 0, rate),
    ]
    adaptation, *_ = learner.adapt(supports)
    (said,) = learner.predict([adaptation.adapted], [learner.encode(queries)])
    return adaptation.losses, said.probabilities.to(CPU)


@pytest.mark.parametrize("name", FOLDERS)
def test_adapted_models_say_the_same(name: str) -> None:
    (losses, found), (expected_losses, expected) = probabilities(name, GPU), probabilities(name, CPU)
    assert losses == pytest.approx(expected_losses, abs=APART[name])
    torch.testing.assert_close(found, expected, rtol=0, atol=APART[name])


@pytest.mark.parametrize("name", FOLDERS)
def test_models_of_uneven_support_sets_say_the_same_of_themselves(name: str) -> None:
    (found, said), (expected, told) = uneven(name, GPU), uneven(name, CPU)
    torch.testing.assert_close(said.probabilities.to(CPU), told.probabilities, rtol=0, atol=APART[name])
    for seen, wanted in ((said.looks.familiarity, told.looks.familiarity), (said.looks.known, told.looks.known)):
        assert seen is not None
        assert wanted is not None
        torch.testing.assert_close(seen.to(CPU).float(), wanted.float(), rtol=0, atol=APART[name])
    assert found.expectation is not None
    assert expected.expectation is not None
    assert found.expectation.accuracy == pytest.approx(expected.expectation.accuracy, abs=APART[name])
    assert found.near_copies == expected.near_copies


def uneven(name: str, device: torch.device) -> tuple[Adaptation, Answers]:
    """What there is to say of a model of all images of the first class, two of the second and one of the others.

    The CPU encodes: nothing averages out how the GPU's half precision rounds single images.
    """
    encode = Learner(load_checkpoint(SHIPPED / f"{name}.safetensors"), CPU).encode
    learner = Learner(load_checkpoint(SHIPPED / f"{name}.safetensors"), device)
    (images, labels), (queries, _) = (examples(learner, FOLDERS[name] / part) for part in ("support", "query"))
    taken = torch.cat([(labels == label).nonzero()[:shots, 0] for label, shots in enumerate((5, 2, 1, 1, 1))])
    support = Support(encode(images[taken]).to(device), labels[taken], 5, 2, 1e-3, by_frequency=True)
    (made,) = learner.adapt([support])
    (said,) = learner.predict([made.adapted], [encode(queries).to(device)])
    return made, said


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_meta_steps_come_to_the_same_weights(algorithm: str) -> None:
    found, expected = trained(algorithm, GPU), trained(algorithm, CPU)
    assert found.count == expected.count
    for name, tensor in expected.parameters.items():
        # A weight moves by 1e-3 in an inner step: the first, where v is 0, to the side that rounding may turn.
        assert (found.parameters[name].to(CPU) - tensor).abs().mean() < 5e-4


def trained(algorithm: str, device: torch.device) -> MetaInitialization:
    """Three meta steps of the paper's network."""
    config = replace(OMNIGLOT_5WAY, algorithm=algorithm, shots=4, meta_steps=3)
    classes = read_classes([FOLDERS["omniglot"] / "support"], config.input)
    architecture = describe(config, Split("drawings", 0, classes, classes, classes)).build()
    distribution = EpisodeDistribution(config, classes, architecture, device)
    theta = architecture.initialize(seed=0).to(device)
    for step in range(config.meta_steps):
        theta, _ = ALGORITHMS[algorithm](theta, distribution, step, 0.5)
    return theta


def test_running_out_of_memory_is_survived() -> None:
    learner = Learner(load_checkpoint(SHIPPED / "omniglot.safetensors"), GPU)
    images, labels = examples(learner, FOLDERS["omniglot"] / "support")
    encoded, free = learner.encode(images), torch.cuda.mem_get_info()[0]
    hog = torch.empty(free - 64 * 2**20, dtype=torch.uint8, device=GPU)
    many = [Support(encoded, labels, 5, 1, 1e-3)] * 64
    with pytest.raises(torch.OutOfMemoryError):
        learner.adapt(many)
    del hog
    torch.cuda.empty_cache()
    assert len(learner.adapt(many)) == len(many)


@pytest.mark.filterwarnings("ignore:Synchronization debug mode is a prototype")
@pytest.mark.parametrize("name", FOLDERS)
def test_steps_never_wait_for_the_device(name: str) -> None:
    learner = Learner(load_checkpoint(SHIPPED / f"{name}.safetensors"), GPU)
    images, labels = examples(learner, FOLDERS[name] / "support")
    support = Support(learner.encode(images), labels, int(labels.max()) + 1, 3, 1e-3)

    def observe(step: int, _: Tensor) -> None:
        torch.cuda.set_sync_debug_mode("error" if step < 2 else "default")

    try:
        (made,) = learner.adapt([support], observe)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(made.losses) == 4
