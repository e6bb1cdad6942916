"""The artifact store: files of trials in a folder or an S3-compatible bucket.

HPO_ARTIFACTS says where, HPO_ARTIFACT_QUOTA how much. Every failure is an ArtifactError, and
nothing blocks for long, so callers may log a failure and go on. Content is bytes; nothing is ever
unpickled.
"""

from hpo.artifacts.opening import open_artifacts
from hpo.artifacts.store import Artifacts

__all__ = ["Artifacts", "open_artifacts"]
