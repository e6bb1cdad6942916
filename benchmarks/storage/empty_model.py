"""What the empty study searches."""

from empty import Params

from hpo.models import AT_LEAST_ONE, AT_LEAST_ZERO, POSITIVE, Climb, Model

EMPTY = Model(
    Params=Params,
    training="empty",
    climb=Climb.EPOCHS,
    limits={
        "width": AT_LEAST_ZERO,
        "depth": AT_LEAST_ONE,
        "rate": POSITIVE,
        "epochs": AT_LEAST_ONE,
    },
)
