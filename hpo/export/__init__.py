"""From the best trial to a training script that stands alone."""

from hpo.export.script import write_script

__all__ = ["write_script"]
