"""Files that belong to trials, in one store: a folder, or a bucket that speaks S3.

HPO_ARTIFACTS says where, HPO_ARTIFACT_QUOTA how much. Whatever fails is one ArtifactError, and
nothing here waits for long: who keeps a file may log that and go on. What is read is bytes; nothing
is ever unpickled.
"""

from hpo.artifacts.opening import open_artifacts
from hpo.artifacts.store import Artifacts

__all__ = ["Artifacts", "open_artifacts"]
