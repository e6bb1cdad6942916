"""What a value depends on beside the code and the data."""

import platform
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path


def environment(names: Iterable[str]) -> dict[str, str]:
    """Give the versions of packages, of Python, and the processor."""
    installed = {found.name: found.version for found in distributions()}
    versions = {name: installed.get(name, "not installed") for name in names}
    return {**versions, "python": platform.python_version(), "processor": processor()}


def processor() -> str:
    """Give the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")  # Linux: platform knows no more than its family there
    text = cpuinfo.read_text() if cpuinfo.exists() else ""
    return text.partition("\nmodel name")[2].partition("\n")[0].strip("\t: ") or platform.machine()
