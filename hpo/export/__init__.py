"""From the best trial to a training script that stands alone."""

from hpo.export.script import best, chosen, write_script

__all__ = ["best", "chosen", "write_script"]
