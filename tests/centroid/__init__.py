"""Models of one's own, on rows that are no images: nearest centroid, climbing in both ways."""

from centroid import sampled, stepwise
from hpo.models import AT_LEAST_ONE, SHARE, Climb, Model

STEPWISE = Model(
    Params=stepwise.Params,
    training="centroid.stepwise",
    climb=Climb.EPOCHS,
    limits={"rate": SHARE, "epochs": AT_LEAST_ONE},
)
SAMPLED = Model(Params=sampled.Params, training="centroid.sampled", limits={"shrinkage": SHARE})
