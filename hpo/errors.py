"""Every error that hpo raises on purpose.

HpoError                the command failed                              exit code 1
├── InputError          what the user gave is wrong                     exit code 2
│   ├── DefinitionError   in a study definition, or in a trial to queue
│   ├── DataError         in a file of data
│   └── StudyError        a study that is missing, or differs from what was asked for
├── DatabaseError       the database can't be reached or used           exit code 1
│   └── DatabaseAway      temporarily: the same call may succeed later
├── ArtifactError       a trial's file can't be stored or read          exit code 1
│   └── MissingArtifactError  there is none with this id
└── LeaseLost           another worker owns the trial now; never reaches the user

A message is one line: it names the file, the key or the value, and says what to do.
"""

INTERRUPTED = 130
"""The exit code of a process that was told to stop."""


class HpoError(Exception):
    """The command failed."""

    exit_code = 1


class InputError(HpoError):
    """What the user gave is wrong."""

    exit_code = 2


class DefinitionError(InputError):
    """A study definition, or a trial to queue, is wrong."""

    def __init__(self, source: str, key: str, problem: str) -> None:
        super().__init__(f"{source}: {key}: {problem}" if key else f"{source}: {problem}")
        self.key, self.problem = key, problem


class DataError(InputError):
    """A file of data is wrong."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source}: {problem}")


class StudyError(InputError):
    """The study is missing, or it differs from what was asked for."""


class DatabaseError(HpoError):
    """The database can't be reached or used."""


class DatabaseAway(DatabaseError):  # noqa: N818 - a temporary state
    """The database is temporarily unavailable: the same call may succeed later."""


class ArtifactError(HpoError):
    """A trial's file can't be stored, read or deleted."""


class MissingArtifactError(ArtifactError):
    """There is no artifact with this id."""


class LeaseLost(HpoError):  # noqa: N818 - an event of the worker's, not a failure
    """Another worker owns the trial now."""
