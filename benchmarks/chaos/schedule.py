"""What happens to a study, and when: the same for the same seed."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What can happen."""

    KILL = "SIGKILL of a worker"
    STOP = "SIGSTOP beyond the grace period"
    RESTART = "restart of Postgres"
    CRASH = "kill -9 of Postgres"
    STALL = "network loses all packets"
    RESET = "network resets and refuses"
    FAIL = "trial failed in the dashboard"
    UNWRITABLE = "a trial's folder is unwritable"


class Aim(Enum):
    """Which moment of a worker's life is hit."""

    STEP = "in a step"
    AFTER = "just after a step, when it is kept and reported"
    ANY = "any, also while it starts"


ALL = {
    Kind.KILL: 30,
    Kind.STOP: 5,
    Kind.RESTART: 3,
    Kind.CRASH: 2,
    Kind.STALL: 1,
    Kind.RESET: 1,
    Kind.FAIL: 1,
    Kind.UNWRITABLE: 1,
}
FEW = {
    Kind.KILL: 5,
    Kind.STOP: 1,
    Kind.RESTART: 1,
    Kind.CRASH: 1,
    Kind.STALL: 1,
    Kind.RESET: 1,
    Kind.FAIL: 1,
    Kind.UNWRITABLE: 1,
}
LAST = 0.9  # share of the work at which the last event is due


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One event that is to happen once a share of the study's work is done."""

    share: float
    kind: Kind
    aim: Aim
    seed: int  # of what is left to chance while it happens


def plan(seed: int, counts: Mapping[Kind, int]) -> list[Planned]:
    """Spread events over a study's work, in random order."""
    rng = random.Random(seed)
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    rng.shuffle(kinds)
    return [
        Planned(
            share=LAST * (place + rng.random()) / len(kinds),
            kind=kind,
            aim=rng.choice([Aim.STEP, Aim.AFTER, Aim.AFTER, Aim.ANY]),
            seed=rng.getrandbits(32),
        )
        for place, kind in enumerate(kinds)
    ]


def counted(planned: Sequence[Planned]) -> Counter[Kind]:
    """Count events by their kind."""
    return Counter(event.kind for event in planned)
