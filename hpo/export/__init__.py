"""Exporting trials as a stand-alone training script."""

from hpo.export.chosen import best, chosen
from hpo.export.script import packages_of, write_script

__all__ = ["best", "chosen", "packages_of", "write_script"]
