"""Real processes that are told what to do line by line, and answer with one line each."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

# The first line of each program's output says that it has imported what it needs.
LOOP = """
import sys
print("ready", flush=True)
for line in sys.stdin:
    try:
        print(act(line.strip()), flush=True)
    except Exception as error:
        print(f"{type(error).__name__}: {error}".splitlines()[0], flush=True)
"""


class Crew:
    """Some processes that run the same program at the same time."""

    def __init__(self, program: str, size: int, stack: ExitStack) -> None:
        self.processes = [start(program, stack) for _ in range(size)]
        assert self.hear() == {"ready"}

    def tell(self, line: str) -> set[str]:
        """Return all of them one order; return what they answered, equal answers once."""
        for process in self.processes:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
        return self.hear()

    def hear(self) -> set[str]:
        return {process.stdout.readline().strip() for process in self.processes}

    def dismiss(self) -> set[int]:
        """Let them end; return their exit codes."""
        for process in self.processes:
            process.stdin.close()
        return {process.wait(30) for process in self.processes}


def start(program: str, stack: ExitStack) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", program + LOOP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    return process


@pytest.fixture
def crew() -> Iterator[Callable[[str, int], Crew]]:
    with ExitStack() as stack:
        yield lambda program, size: Crew(program, size, stack)
