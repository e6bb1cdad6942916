import platform
import subprocess
import sys

import pytest

from hpo.training import memory
from hpo.training.memory import keep_freed_memory

# Pages of 4 KiB that a process has to fetch while it takes, fills and frees 64 MiB ten times. A
# buffer of that size would never be kept: glibc's own limit ends at 32 MiB.
PROGRAM = """
from resource import RUSAGE_SELF, getrusage
from hpo.training.memory import keep_freed_memory

def fill():
    bytearray(b"x") * (64 * 2**20)

if {kept}:
    keep_freed_memory()
fill()
before = getrusage(RUSAGE_SELF).ru_minflt
for _ in range(10):
    fill()
print(getrusage(RUSAGE_SELF).ru_minflt - before)
"""


def faults(kept):
    program = PROGRAM.format(kept=kept)
    return int(
        subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout
    )


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="sets glibc's malloc")
def test_memory_that_was_freed_is_not_fetched_again():
    assert faults(kept=True) * 100 < faults(kept=False)


def test_another_libc_is_left_alone(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "pythonapi", object())
    keep_freed_memory()
