"""Exporting trials as a stand-alone training script."""

from hpo.export.chosen import best, chosen
from hpo.export.script import obstacle, write_script

__all__ = ["best", "chosen", "obstacle", "write_script"]
