"""The model family of convolutional networks."""

from typing import Any

from hpo.models.model import Climb, Counts, Model
from hpo.search_space import AT_LEAST_ONE, AT_LEAST_ZERO, POSITIVE, SHARE, OnlyIf, SearchSpace
from hpo.training.params.cnn import Params
from hpo.training.task import Task


def problem(space: SearchSpace[Any], task: Task, rows: Counts) -> str | None:
    """Describe why some trials of a space can't be trained; `rows` are counts by class."""
    if space.highest("warmup_epochs") >= space.lowest("epochs"):
        return "warmup_epochs must stay below epochs"
    return too_deep(space, task) or too_few(space, rows)


def too_few(space: SearchSpace[Any], rows: Counts) -> str | None:
    """Describe why no validation data can be set aside with rows of every class."""
    watches = space.highest("patience") > 0 or "plateau" in space.possible("schedule")
    if not watches or (rows.min() > 1 and rows.sum() >= 10 * len(rows)):
        return None
    return (
        f"patience and the plateau watch a tenth of the rows that a trial learns from, and "
        f"{rows.sum()} are too few for {len(rows)} classes: leave out both, or give more rows"
    )


def too_deep(space: SearchSpace[Any], task: Task) -> str | None:
    """Describe why the images are too small for the largest network of a space."""
    height, width, _ = task.shape
    left = min(height, width)
    lost = space.highest("convolutions") * (space.highest("kernel_size") - 1)
    for block in range(1, int(space.highest("blocks")) + 1):
        left -= int(lost) if "valid" in space.possible("padding") else 0
        if left < 1:
            return (
                f"{height}x{width} images are too small for the largest network, whose block "
                f"{block} finds nothing left: lower blocks, convolutions or kernel_size, or "
                'write padding = "same"'
            )
        left = (left + 1) // 2
    kernel = int(space.highest("closing_kernel_size"))
    if "convolution" in space.possible("closing") and kernel > left:
        return (
            f"closing_kernel_size {kernel} is too large: the deepest network leaves "
            f"{left} pixels of {height}x{width} images"
        )
    return None


CLOSING = OnlyIf("closing", ("convolution",))
AUGMENTED = OnlyIf("augmentation", (True,))

CNN = Model(
    Params=Params,
    training="hpo.training.cnn",
    climb=Climb.EPOCHS,
    limits={
        "threshold": SHARE,
        **dict.fromkeys(("blocks", "convolutions", "filters", "widening"), AT_LEAST_ONE),
        **dict.fromkeys(("kernel_size", "stride_kernel_size"), AT_LEAST_ONE),
        **dict.fromkeys(("closing_filters", "closing_kernel_size"), AT_LEAST_ONE),
        "dense_units": AT_LEAST_ZERO,
        "dropout": SHARE,
        "learning_rate": POSITIVE,
        "momentum": SHARE,
        "weight_decay": AT_LEAST_ZERO,
        "warmup_epochs": AT_LEAST_ZERO,
        "label_smoothing": SHARE,
        "batch_size": AT_LEAST_ONE,
        "epochs": AT_LEAST_ONE,
        "patience": AT_LEAST_ZERO,
        "ema": SHARE,
        "rotation": AT_LEAST_ZERO,
        "shift": SHARE,
        "zoom": SHARE,
        "test_shift": AT_LEAST_ZERO,
    },
    only_if={
        "stride_kernel_size": OnlyIf("downsampling", ("stride",)),
        **dict.fromkeys(("closing_filters", "closing_kernel_size"), CLOSING),
        "momentum": OnlyIf("optimizer", ("sgd",)),
        "weight_decay": OnlyIf("optimizer", ("adamw", "sgd")),
        "warmup_epochs": OnlyIf("schedule", ("cosine",)),
        **dict.fromkeys(("rotation", "shift", "zoom", "interpolation"), AUGMENTED),
    },
    needs_images=True,
    network=frozenset(
        [
            *("blocks", "convolutions", "filters", "widening", "kernel_size", "padding"),
            *("downsampling", "stride_kernel_size"),
            *("closing", "closing_filters", "closing_kernel_size", "dense_units"),
            *("activation", "batch_norm"),
        ]
    ),
    trials_only=frozenset(["freeze", "test_shift"]),
    problem=problem,
)
