"""Whether and when a worker process that has ended is started again."""

from hpo.errors import INTERRUPTED, InputError

# The exit codes of a process that should not be started again: nothing is left to do, its input is
# wrong, or it was told to stop. Any other is a crash, also where the database does not answer.
MEANT = frozenset([0, InputError.exit_code, INTERRUPTED])

WELL = 300.0  # seconds; a crash after running that long starts a new count
MOST_CRASHES = 6  # in quick succession
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds


def crashes_with(before: int, ran: float) -> int:
    """Count a crash with those before it, unless the process ran well for that many seconds."""
    return 1 if ran >= WELL else before + 1


def wait_after(crashes: int, chance: float) -> float | None:
    """Return the seconds until the next start; None after too many crashes.

    They double with each crash. `chance`, a random number in [0, 1), adds jitter of 50 %, so that
    processes that died together don't start together.
    """
    if crashes >= MOST_CRASHES:
        return None
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (crashes - 1)) * (0.5 + chance)
