"""Rows of data: read them, check them, describe them, and make the noisy digits.

`load_dataset` reads a file by its suffix (.csv, .csv.gz, .amat, .npy, .npz, .parquet) into a
`Dataset`, or says in one line what is wrong with it; `describe` summarises it; `clean_digits` and
`make` produce the noisy digits that the studies of this repository search.
"""

from hpo.data.dataset import READERS, Dataset, load_dataset
from hpo.data.digest import sha256_of
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
    "load_dataset",
    "make",
    "noisy_sets",
    "sha256_of",
    "split_label",
]
