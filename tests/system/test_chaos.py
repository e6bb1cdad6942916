"""A short chaos; benchmarks/chaos has the long one."""

import pytest
from checks import judge
from ordeal import HPO, Ordeal, open_folder
from scenario import STEPS
from schedule import FEW, plan


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_study_survives_whatever_happens():
    ordeal = Ordeal(
        scenario=STEPS.shortened(trials=10, workers=3),
        contender=HPO,
        planned=plan(1, FEW),
        longest=240,
    )
    with open_folder() as folder:
        verdicts = judge(ordeal.run(folder))
    broken = [str(verdict) for verdict in verdicts if not verdict.was_kept]
    assert not broken, "\n".join(broken)
