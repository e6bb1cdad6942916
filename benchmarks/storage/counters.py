"""What Postgres itself counts in a database."""

from dataclasses import astuple, dataclass
from typing import Self

from sqlalchemy import Connection, text

COUNTED = text("""
SELECT xact_commit + xact_rollback, tup_inserted + tup_updated + tup_deleted, tup_returned
FROM pg_stat_database WHERE datname = :database
""")
CONNECTED = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = :database AND backend_type = 'client backend'
""")


@dataclass(frozen=True)
class Counters:
    """Sums since the database was created; each connection adds its own about once a second."""

    transactions: int
    written: int  # rows inserted, updated or deleted
    visited: int  # rows and index entries that scans came upon

    @classmethod
    def read(cls, connection: Connection, database: str) -> Self:
        """Read them over a connection to another database."""
        return cls(*map(int, connection.execute(COUNTED, {"database": database}).one()))

    def __sub__(self, earlier: "Counters") -> "Counters":
        """Return what was added since."""
        pairs = zip(astuple(self), astuple(earlier), strict=True)
        return Counters(*(now - then for now, then in pairs))


def connections(connection: Connection, database: str) -> int:
    """Count the connections to a database."""
    return int(connection.execute(CONNECTED, {"database": database}).scalar_one())
