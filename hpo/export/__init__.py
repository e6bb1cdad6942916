"""From the best trial to a training script that stands alone."""

from hpo.export.chosen import best, chosen
from hpo.export.script import obstacle, write_script

__all__ = ["best", "chosen", "obstacle", "write_script"]
