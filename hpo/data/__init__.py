"""Rows of data: read them, check them, describe them, and make the noisy digits.

`load` reads a file by its suffix (.csv, .csv.gz, .amat, .npy, .npz, .parquet) into a `Dataset`, or
says in one line what is wrong with it; `describe` sums it up; `clean_digits` and `make` produce the
home benchmark.
"""

from hpo.data.dataset import READERS, Dataset, load
from hpo.data.digits import Digits, clean_digits
from hpo.data.noisy import PRESETS, Recipe, RowSet, make, noisy_sets
from hpo.data.reading import Table, split_label
from hpo.data.summary import Summary, describe

__all__ = [
    "PRESETS",
    "READERS",
    "Dataset",
    "Digits",
    "Recipe",
    "RowSet",
    "Summary",
    "Table",
    "clean_digits",
    "describe",
    "load",
    "make",
    "noisy_sets",
    "split_label",
]
