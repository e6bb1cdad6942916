"""Exporting trials as a stand-alone training script."""

from hpo.export.chosen import best, chosen
from hpo.export.script import modules_of, write_script

__all__ = ["best", "chosen", "modules_of", "write_script"]
