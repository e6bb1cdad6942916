"""What the studies under chaos search."""

from dataclasses import replace

from stepping import Params

from hpo.models import AT_LEAST_ONE, POSITIVE, Climb, Model
from hpo.models.cnn import CNN

STEPPING = Model(
    Params=Params,
    training="stepping",
    climb=Climb.EPOCHS,
    limits={"growth": POSITIVE, "noise": POSITIVE, "epochs": AT_LEAST_ONE},
)
NETWORK = replace(CNN, training="network")
