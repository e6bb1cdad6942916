"""The support vector classifier."""

from hpo.models.model import Model
from hpo.search_space import AT_LEAST_ONE, POSITIVE, OnlyIf
from hpo.training.params.svm import Params

SVM = Model(
    Params=Params,
    training="hpo.training.svm",
    limits={"components": AT_LEAST_ONE, "C": POSITIVE, "gamma": POSITIVE},
    only_if={"gamma": OnlyIf("kernel", ("rbf", "poly", "sigmoid"))},
)
