"""The simple convolutional network."""

from hpo.models.model import Climb, Model
from hpo.search_space import AT_LEAST_ONE, POSITIVE, SHARE
from hpo.training.params.cnn_simple import Params

CNN_SIMPLE = Model(
    Params=Params,
    training="hpo.training.cnn_simple",
    climb=Climb.EPOCHS,
    limits={
        "batch_size": AT_LEAST_ONE,
        "dropout": SHARE,
        "epochs": AT_LEAST_ONE,
        "learning_rate": POSITIVE,
    },
    needs_images=True,
)
