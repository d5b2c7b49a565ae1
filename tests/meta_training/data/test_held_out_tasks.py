"""Tasks of domains, whose losses are on other images than their heads are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from meta_training.config import TrainConfig
from meta_training.data.held_out_tasks import HeldOutDistribution, nearest
from meta_training.data.image_classes import ImageClasses
from meta_training.errors import DataError, RunError
from meta_training.presets import OF_DOMAINS, OMNIGLOT
from meta_training.reptile import reptile
from models.architecture import Architecture, MetaInitialization
from models.encoders.efficientnet_lite.encoder import EfficientNetLite
from models.heads.linear import HEAD_WEIGHT
from models.inputs.image import ImageInput
from models.networks.last_block import LastBlock
from models.parameters import gather

CPU = torch.device("cpu")
SIDE = 32  # one place
CONFIG = replace(
    OF_DOMAINS,
    input=ImageInput(channels=3, size=SIDE, fit="crop"),
    encoder=EfficientNetLite(variant=0, size=SIDE, until=15),
    network=LastBlock(variant=0, size=SIDE),
    ways=(3, 4),
    shots=5,
    head_shots=2,
    loss_shots=3,
    meta_batch=4,
)


def domain(name: str, classes: int, pictures: int = 9) -> ImageClasses:
    """Encoded pictures, the first number of each saying which it is."""
    rng = np.random.default_rng(classes)
    images = []
    for label in range(classes):
        encoded = rng.normal(label, 1, (pictures, 1, 1, 192)).astype(np.float16)
        encoded[:, 0, 0, 0] = 100 * classes + 10 * label + np.arange(pictures)
        images.append(encoded)
    return ImageClasses(tuple(f"{name}/{label}" for label in range(classes)), tuple(images))


DOMAINS = [domain("small", 2), domain("middle", 5), domain("large", 7)]


def architecture(config: TrainConfig = CONFIG) -> Architecture:
    return Architecture(config.network, config.head, config.inner.build(bounded=False))


def tasks(config: TrainConfig = CONFIG) -> HeldOutDistribution:
    return HeldOutDistribution(config, DOMAINS, architecture(config), CPU)


def test_an_inner_step_draws_its_head_and_its_loss_from_different_images_of_one_domain() -> None:
    for step in range(5):
        for batch, _ in tasks().sample(step, range(4)).minibatches:
            for task in range(4):
                head, loss = (
                    part.x[task, part.labels[task] >= 0, 0, 0, 0].int().tolist()
                    for part in (batch.support, batch.query)
                )
                assert not {*head} & {*loss}
                assert len({number // 100 for number in head + loss}) == 1  # domain
                ways = int(batch.support.ways[task])
                assert len(head) in (ways, 2 * ways)
                assert len(loss) == 3 * ways


def test_images_are_drawn_anew_for_each_step_but_classes_stay() -> None:
    (first, _), (second, _), *_ = tasks().sample(0, range(4)).minibatches
    assert not torch.equal(first.query.x, second.query.x)
    for task in range(4):
        classes = [{int(x) // 10 for x in batch.query.x[task, :, 0, 0, 0] if x} for batch in (first, second)]
        assert classes[0] == classes[1]


def test_a_task_is_the_same_on_whichever_process_it_runs() -> None:
    both, second = (tasks().sample(3, indices).minibatches for indices in (range(4), range(2, 4)))
    for (all_four, _), (last_two, _) in zip(both, second, strict=True):
        count = last_two.support.x.shape[1]
        assert torch.equal(all_four.support.x[2:, :count], last_two.support.x)
        assert all_four.support.ways[2:].tolist() == last_two.support.ways.tolist()


def test_the_loss_is_that_of_new_images_under_a_head_that_is_held_fixed() -> None:
    learner = architecture()
    theta = learner.initialize(seed=0).parameters
    (batch, _), *_ = tasks().sample(1, range(4)).minibatches
    found = learner.held_out_loss(gather([theta] * 4), batch)
    for task in range(4):
        known, asked = (part.labels[task] >= 0 for part in (batch.support, batch.query))
        one = gather([theta])
        support, _ = learner.network(one, batch.support.x[task, known].unsqueeze(0))
        query, _ = learner.network(one, batch.query.x[task, asked].unsqueeze(0))
        head = learner.head.build(support, batch.support.labels[task, known][None], batch.support.ways[task][None])
        expected = cross_entropy(query[0] @ head[HEAD_WEIGHT][0].T, batch.query.labels[task, asked])
        torch.testing.assert_close(found[task], expected, rtol=1e-4, atol=1e-5)


def test_meta_steps_lower_the_loss_on_new_images() -> None:
    distribution, learner = tasks(), architecture()
    fresh = learner.initialize(seed=0)
    theta, losses = MetaInitialization(fresh.parameters, fresh.moments), []
    for step in range(12):
        theta, found = reptile(theta, distribution, step, epsilon=1.0)
        losses.append(float(found[0]))
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_domains_are_found_by_the_first_folder_of_a_class() -> None:
    names = [name for part in DOMAINS for name in part.names]
    classes = ImageClasses(tuple(names), tuple(images for part in DOMAINS for images in part.images))
    assert {name: len(own) for name, own in classes.by_domain().items()} == {"small": 2, "middle": 5, "large": 7}
    assert len(classes.of_domains(["small", "large"])) == 9
    with pytest.raises(DataError, match=r"no domain 'huge'. There are small, middle, large"):
        classes.of_domains(["huge"])


def test_a_head_that_takes_steps_has_no_held_out_losses() -> None:
    with pytest.raises(RunError, match="loss_shots"):
        replace(OMNIGLOT, loss_shots=2)
    with pytest.raises(RunError, match="head_shots"):
        replace(CONFIG, head_shots=3)


def test_hard_tasks_are_of_classes_near_one_another() -> None:
    (large,) = (each for each in DOMAINS if len(each) == 7)
    around = nearest(large, 4)
    assert around[:, 0].tolist() == list(range(7))
    config = replace(CONFIG, neighbours=4)
    distribution = HeldOutDistribution(config, [large], architecture(config), CPU)
    for step in range(20):
        batch = distribution.sample(step, range(1)).minibatches[0][0].support
        drawn = {int(value) // 10 % 10 for value in batch.x[0, :, 0, 0, 0].tolist()}
        assert any(drawn <= set(each) for each in around.tolist())


def test_fewer_neighbours_than_ways_are_refused() -> None:
    with pytest.raises(RunError, match="neighbours must be at least the most ways; it is 3"):
        replace(CONFIG, neighbours=3)
