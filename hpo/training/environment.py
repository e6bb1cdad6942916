"""The software and hardware that a trial's value depends on."""

import os
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path


def environment(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of packages and of Python, and the processor's name."""
    installed = {found.name: found.version for found in reversed([*distributions()])}
    versions = {name: installed.get(name, "not installed") for name in names}
    return {**versions, "python": sys.version.split()[0], "processor": processor()}


def processor() -> str:
    """Return the name of the processor."""
    text = file.read_text() if (file := Path("/proc/cpuinfo")).exists() else ""
    return text.partition("\nmodel name")[2].partition("\n")[0].strip("\t: ") or os.uname().machine
