"""The parameters of the support vector classifier."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Params:
    """Principal components, then a support vector classifier."""

    components: int
    whiten: bool
    kernel: Literal["linear", "rbf", "poly", "sigmoid"]
    C: float
    gamma: float | Literal["scale"] = "scale"  # the linear kernel has none
    class_weight: Literal["none", "balanced"] = "none"
