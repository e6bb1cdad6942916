"""`hpo` with another heartbeat and grace period, so that chaos takes minutes, not an hour.

    python benchmarks/chaos/launcher.py INTERVAL GRACE worker STUDY

INTERVAL and GRACE are seconds.
"""

import sys

from hpo.cli import main
from hpo.device import one_thread_a_process


def shorten(interval: int, grace: int) -> None:
    """Set what all workers must agree on; others read it when they are imported, later."""
    one_thread_a_process()
    from hpo.storage import database  # noqa: PLC0415 - brings NumPy, which reads the threads

    for name, seconds in {"HEARTBEAT_INTERVAL": interval, "GRACE_PERIOD": grace}.items():
        if not hasattr(database, name):
            raise SystemExit(f"hpo.storage.database has no {name} any more")
        setattr(database, name, seconds)


if __name__ == "__main__":
    _, heartbeat_interval, grace_period, *arguments = sys.argv
    shorten(int(heartbeat_interval), int(grace_period))
    sys.argv[1:] = arguments
    main()
