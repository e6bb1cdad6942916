import pytest

from hpo.study import Ladder
from hpo.study.ladder import rungs

PLAIN = Ladder(range(1, 28))
RUNGS = Ladder(range(1, 28), (1, 3, 9))
SAMPLES = Ladder((1, 3, 9, 18, 27))


def test_rungs_grow_by_the_factor_and_end_before_the_last_step():
    assert rungs(1, 3, 27) == (1, 3, 9)
    assert rungs(2, 2, 9) == (2, 4, 8)
    assert rungs(1, 2, 1) == ()


@pytest.mark.parametrize(("step", "landing"), [(0, 1), (1, 3), (2, 3), (3, 9), (9, 27), (27, 27)])
def test_a_trial_lands_on_the_next_rung_or_at_its_end(step, landing):
    assert RUNGS.landing(step) == landing
    assert PLAIN.landing(step) == 27


@pytest.mark.parametrize(("below", "upto", "count"), [(0, 27, 5), (1, 9, 2), (4, 8, 0), (9, 3, 0)])
def test_only_steps_that_are_reported_count(below, upto, count):
    assert SAMPLES.count(below, upto) == count
