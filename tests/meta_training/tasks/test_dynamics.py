"""The simulated robots: what is damaged shows, and the same seed gives the same transitions."""

from __future__ import annotations

import numpy as np
import pytest

from meta_training.tasks import dynamics

pytest.importorskip("mujoco", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")  # MuJoCo's and gymnasium's own


def test_no_variant_of_the_training_has_the_joint_crippled_that_all_of_the_test_have() -> None:
    training = {each.crippled for each in dynamics.draw_variants(dynamics.TRAINING, 60)}
    assert training == {None, 0, 1, 2, 4, 5}
    assert {each.crippled for each in dynamics.draw_variants(dynamics.TEST, 20)} == {dynamics.KEPT_WHOLE}


def test_a_damaged_robot_moves_otherwise_and_a_recording_can_be_had_again() -> None:
    whole, again, damaged, heavy = (
        dynamics.record(each, 40, seed=1)[1]
        for each in (
            dynamics.Variant(),
            dynamics.Variant(),
            dynamics.Variant(crippled=3),
            dynamics.Variant(mass=2.0),
        )
    )
    np.testing.assert_array_equal(whole, again)
    assert whole.shape == (40, 17)
    for other in (damaged, heavy):
        assert np.abs(whole - other).mean() > 0.05 * np.abs(whole).mean()
