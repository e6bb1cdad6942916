"""The parameters of the simple convolutional network."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Params:
    """One convolution, max pooling, dropout and a dense layer."""

    optimizer: Literal["adam", "nadam", "rmsprop"]
    batch_size: int
    dropout: float
    init: Literal["normal", "uniform"]
    activation: Literal["relu", "sigmoid"]
    epochs: int
    learning_rate: float = 0.001
