"""Whether a worker process that has ended is started again, and when."""

from hpo.errors import INTERRUPTED, InputError

# How a process ends that decided to: there is nothing left to do, what it was given is wrong and
# would be so again, or somebody told it to stop. Anything else is a crash, a database that does
# not answer among them: it may pass.
MEANT = frozenset([0, InputError.exit_code, INTERRUPTED])

WELL = 300.0  # seconds; a crash after them has nothing to do with the one before
MOST_CRASHES = 6  # in quick succession
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0  # seconds


def crashes_with(before: int, ran: float) -> int:
    """Count a crash with those before it, unless the process ran well for that many seconds."""
    return 1 if ran >= WELL else before + 1


def wait_after(crashes: int, chance: float) -> float | None:
    """Return the seconds until the next start; None after too many crashes.

    They double with each crash. A chance in [0, 1) makes them half as long to one and a half times:
    processes that died together don't come back together.
    """
    if crashes >= MOST_CRASHES:
        return None
    return min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (crashes - 1)) * (0.5 + chance)
