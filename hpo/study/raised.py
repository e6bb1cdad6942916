"""What a trial's recorded error says, which may be a whole traceback."""

import re
from itertools import islice

HEADER = re.compile(r"^(  \+ Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE)
IN_GROUP = "  | "  # begins the lines of a group, before those of its members
COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # of a terminal


def gist(error: str) -> str:
    """Give the kind of what was raised and the first two lines of what it says, as one.

    What Keras raises goes on for many lines: where, why, and then the arguments, of which the last
    says nothing.
    """
    said = (line.strip() for line in _lines(error) if line == line.lstrip())
    return COLOUR.sub("", " ".join(islice(said, 2)))


def raised_at(error: str) -> str:
    """Give the kind of what was raised, and where: what it says may differ from trial to trial."""
    kind, frames = gist(error).split(":")[0], []
    for line in _lines(error):
        if line == line.lstrip():
            break
        if line.lstrip().startswith('File "'):
            frames.append(line.strip())
    return f"{kind} in {frames[-1]}" if frames else kind


def _lines(error: str) -> list[str]:
    """Give the lines that follow the header of the last traceback, or all where there is none."""
    header = None
    for header in HEADER.finditer(error):  # noqa: B007 - the last one is meant
        pass
    lines = error[header.end() if header else 0 :].splitlines()
    if header and header[1]:
        lines = [line.removeprefix(IN_GROUP) for line in lines if line.startswith(IN_GROUP)]
    return [line for line in lines if line.strip()]
