"""The gist of a trial's recorded error, which may be a whole traceback."""

import re

HEADER = re.compile(r"^(  \+ Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE)
IN_GROUP = "  | "  # begins the lines of a group, before those of its members
# Terminal control: escape sequences, as for colours, and control characters.
CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def gist(error: str) -> str:
    """Return the exception's type and the first two lines of its message, joined.

    Keras' messages go on for many lines: where, why, and then the arguments.
    """
    lines = _lines(error)
    said = [line.strip() for line in lines if line == line.lstrip()] or lines[-1:]
    return CONTROL.sub("", " ".join(said[:2])).strip()


def _lines(error: str) -> list[str]:
    """Return the lines that follow the header of the last traceback, or all where there is none."""
    header = _header(error)
    lines = error[header.end() if header else 0 :].splitlines()
    if header and header[1]:
        lines = [line.removeprefix(IN_GROUP) for line in lines if line.startswith(IN_GROUP)]
    return [line for line in lines if line.strip()]


def _header(error: str) -> re.Match[str] | None:
    """Find the header of the last traceback."""
    return max(HEADER.finditer(error), key=re.Match.start, default=None)
