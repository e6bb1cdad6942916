"""What a trial's recorded error says, which may be a whole traceback."""

import re

HEADER = re.compile(r"^(  \+ Exception Group )?Traceback \(most recent call last\):$", re.MULTILINE)
IN_GROUP = "  | "  # begins the lines of a group, before those of its members
# What begins the lines of a group and of its members.
MARGIN = re.compile(r"^ *(\| ?|\+ (?=Exception Group ))", re.MULTILINE)
# What a terminal obeys: sequences that begin with an escape, as for colours, and single signs.
CONTROL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


def gist(error: str) -> str:
    """Return the kind of what was raised and the first two lines of what it says, as one.

    What Keras raises goes on for many lines: where, why, and then the arguments, of which the last
    says nothing.
    """
    lines = _lines(error)
    said = [line.strip() for line in lines if line == line.lstrip()] or lines[-1:]
    return CONTROL.sub("", " ".join(said[:2])).strip()


def raised_at(error: str) -> str:
    """Return the kind of what was raised, and where: what it says may differ from trial to trial.

    Of a group, also its last member: what raises groups raises them all at one place.
    """
    kind, frames = gist(error).split(":")[0], []
    for line in _lines(error):
        if line == line.lstrip():
            break
        if line.lstrip().startswith('File "'):
            frames.append(line.strip())
    at = f"{kind} in {frames[-1]}" if frames else kind
    header = _header(error)
    members = MARGIN.sub("", error[header.end() :]) if header and header[1] else ""
    return f"{at}, of {raised_at(members)}" if _header(members) else at


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
