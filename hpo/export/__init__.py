"""From the best trial to a training script that stands alone."""

from hpo.export.chosen import best, chosen
from hpo.export.script import write_script

__all__ = ["best", "chosen", "write_script"]
