"""Two builds are compared round by round."""

from __future__ import annotations

import pytest

from benchmarks.builds import compare


def test_a_build_that_takes_a_tenth_longer_in_each_round_has_a_ratio_of_1_1() -> None:
    low, middle, high = compare([(1.1, 1.0), (3.3, 3.0), (2.2, 2.0)])
    assert (low, middle, high) == pytest.approx((1.1, 1.1, 1.1))


def test_rounds_that_differ_widen_the_interval() -> None:
    low, middle, high = compare([(1.0, 1.2), (1.2, 1.0), (1.0, 1.2), (1.2, 1.0)])
    assert middle == pytest.approx(1)
    assert low < 0.8 < 1.2 < high
