"""Episodes and mini-batches."""

from __future__ import annotations

import numpy as np
import pytest

from meta_training.data.episodes import draw_episode, draw_minibatches, flatten, generator
from meta_training.data.image_classes import ImageClasses
from meta_training.errors import DataError


@pytest.fixture
def classes() -> ImageClasses:
    """Twelve classes of ten images; an image's pixel tells its class and its number."""
    images = np.arange(120, dtype=np.uint8).reshape(12, 10, 1, 1, 1)
    return ImageClasses(tuple(f"class {index}" for index in range(12)), tuple(images))


def test_an_episode_has_n_different_classes_and_no_image_twice(classes: ImageClasses) -> None:
    episode = draw_episode(generator(0, 1, 2), classes, ways=5, shots=3, queries=4)
    assert episode.support.shape == (5, 3, 1, 1, 1)
    assert episode.query.shape == (5, 4, 1, 1, 1)
    images = np.concatenate([episode.support, episode.query], axis=1).reshape(5, 7)
    assert len(np.unique(images)) == 35
    assert (images // 10 == images[:, :1] // 10).all()
    assert len(np.unique(images // 10)) == 5


def test_an_episode_depends_on_its_place_alone(classes: ImageClasses) -> None:
    def support(*place: int) -> list[int]:
        return draw_episode(generator(*place), classes, 5, 2).support.flatten().tolist()

    assert support(0, 3, 1) == support(0, 3, 1)
    assert support(0, 3, 1) != support(0, 3, 2)
    assert support(0, 3, 1) != support(1, 3, 1)


def test_labels_follow_the_images(classes: ImageClasses) -> None:
    episode = draw_episode(generator(0), classes, ways=4, shots=2)
    images, labels = flatten(episode.support)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert images.shape == (8, 1, 1, 1)


def test_minibatches_are_full_and_pass_over_all_images_before_any_again() -> None:
    order = draw_minibatches(generator(0), size=25, batch=10, steps=5)
    assert order.shape == (5, 10)
    for start in (0, 25):
        assert sorted(order.flatten()[start : start + 25]) == list(range(25))


def test_a_task_smaller_than_a_minibatch_still_fills_it() -> None:
    assert draw_minibatches(generator(0), size=3, batch=8, steps=2).shape == (2, 8)


def test_turned_classes_are_new_classes() -> None:
    images = np.array([[0, 1], [2, 3]], dtype=np.uint8).reshape(1, 1, 2, 2)
    turned = ImageClasses(("a",), (images,)).with_rotations()
    assert turned.names == ("a", "a@90", "a@180", "a@270")
    assert [pictures.flatten().tolist() for pictures in turned.images] == [
        [0, 1, 2, 3],
        [1, 3, 0, 2],
        [3, 2, 1, 0],
        [2, 0, 3, 1],
    ]


@pytest.mark.parametrize(("ways", "shots", "message"), [(13, 1, "13 classes"), (5, 11, "11 images a class")])
def test_episodes_larger_than_the_data_are_refused(classes: ImageClasses, ways: int, shots: int, message: str) -> None:
    with pytest.raises(DataError, match=message):
        classes.require(ways, shots)
