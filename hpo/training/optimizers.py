"""The optimizer and its learning rate."""

import keras

from hpo.training.params.cnn import Params

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "nadam": keras.optimizers.Nadam,
    "rmsprop": keras.optimizers.RMSprop,
    "adamw": keras.optimizers.AdamW,
    "sgd": keras.optimizers.SGD,
}


def optimizer(
    params: Params, rate: float | keras.optimizers.schedules.LearningRateSchedule
) -> keras.optimizers.Optimizer:
    """Return the optimizer with its learning rate or schedule."""
    return OPTIMIZERS[params.optimizer](
        rate,
        **({"momentum": params.momentum, "nesterov": True} if params.optimizer == "sgd" else {}),
        **({"weight_decay": params.weight_decay} if params.optimizer in ("adamw", "sgd") else {}),
        **({"use_ema": True, "ema_momentum": params.ema} if params.ema > 0 else {}),
    )


def learning_rate(
    params: Params, steps: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate: a constant, or a half cosine over epochs of so many steps."""
    if params.schedule != "cosine":
        return params.learning_rate
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        params.epochs * steps - int(params.warmup_epochs * steps),
        warmup_target=params.learning_rate,
        warmup_steps=int(params.warmup_epochs * steps),
    )
