"""What a value depends on beside the code and the data."""

import platform
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def environment(packages: Sequence[str]) -> dict[str, str]:
    """Give the versions of Python and of packages, and the processor."""
    versions = {"python": platform.python_version()}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return {**versions, "processor": processor()}


def processor() -> str:
    """Give the name of the processor."""
    cpuinfo = Path("/proc/cpuinfo")  # Linux: platform knows no more than its family there
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
