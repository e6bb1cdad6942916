"""Numbering trials, in turns with Optuna."""

from sqlalchemy import Connection, text

LOCK = text("SELECT FROM studies WHERE study_id = :study_id FOR NO KEY UPDATE")


def number_exclusively(connection: Connection, study_id: int) -> None:
    """Let no other program number trials of a study until the transaction ends.

    Optuna locks the study's row likewise. This is a statement of its own, as each sees only what
    was committed before it began; attributes of the study can be written meanwhile.
    """
    connection.execute(LOCK, {"study_id": study_id})
