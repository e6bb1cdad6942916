"""What the rows of a dataset mean."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Task:
    """The shape of an example and the labels that there are."""

    shape: tuple[int, ...]  # of one row: (height, width, channels) of an image, or (features,)
    classes: tuple[int, ...]  # every label, ascending
    transposed: bool = False  # images stored column by column
    weights: str | None = None  # the file of pretrained weights to start from
