"""What the rows of a data set are."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Task:
    """How a row folds into an example, and which labels there are."""

    shape: tuple[int, ...]  # of one row: (height, width, channels) of an image, or (features,)
    classes: tuple[int, ...]  # every label, ascending
    transposed: bool = False  # images stored column by column
    weights: str | None = None  # the file with the weights that networks begin with
