"""The parameters of the convolutional networks."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Params:
    """Blocks of convolutions, dense layers, and how they are trained."""

    # The network: blocks, the layer that turns their output into a vector, a dense layer.
    blocks: int
    convolutions: int = 1  # in each block
    filters: int = 32  # in the first block
    widening: float = 2.0  # how many times the filters of the block before
    kernel_size: int = 3
    padding: Literal["same", "valid"] = "same"
    downsampling: Literal["max_pool", "stride"] = "max_pool"  # at the end of each block
    stride_kernel_size: int = 5
    closing: Literal["flatten", "average", "convolution"] = "flatten"
    closing_filters: int = 128
    closing_kernel_size: int = 4
    dense_units: int = 0
    activation: Literal["relu", "elu", "gelu", "silu", "tanh", "sigmoid"] = "relu"
    init: Literal["normal", "uniform", "glorot", "he"] = "glorot"
    batch_norm: bool = False  # after each layer
    dropout: float = 0.0
    dropout_at: Literal["blocks", "dense", "everywhere"] = "everywhere"

    # The training.
    optimizer: Literal["adam", "nadam", "rmsprop", "adamw", "sgd"] = "adam"
    learning_rate: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    warmup_epochs: float = 0.0
    label_smoothing: float = 0.0
    batch_size: int = 64
    epochs: int
    patience: int = 0  # epochs without improvement before early stopping; 0: no early stopping
    freeze: Literal["nothing", "features"] = "nothing"  # which layers keep their pretrained weights
    ema: float = 0.0  # momentum of the weights' moving average, which replaces them; 0: none

    # The images.
    threshold: float = 0.0  # pixels below it are set to 0
    augmentation: bool = False  # of the training images
    rotation: float = 0.0  # degrees, either way
    shift: float = 0.0  # share of the image, either way
    zoom: float = 0.0  # share, either way
    interpolation: Literal["nearest", "bilinear"] = "nearest"
    test_shift: int = 0  # pixels; predictions are averaged over the image and its four shifts
