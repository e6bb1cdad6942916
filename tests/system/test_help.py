"""Help: every command has it, with an example, and it comes at once."""

import json
import re

import pytest

from hpo.cli import COMMANDS

SHOWN = [*([name] for name in COMMANDS), ["data", "make"], ["data", "check"]]
HEAVY = ("numpy", "optuna", "sqlalchemy", "sklearn", "pydantic", "rich", "keras", "tensorflow")


@pytest.fixture
def quick_shell(shell_in):
    return shell_in(HPO_DATABASE_URL="postgresql://127.0.0.1:1/help-needs-no-database")


def test_the_help_lists_every_command(quick_shell):
    said = quick_shell.hpo("--help")
    listed = re.findall(r"^  (\w+)  +(\S.*)$", said.stdout.partition("Commands:")[2], re.MULTILINE)
    assert dict(listed) == COMMANDS
    assert said.stderr == ""


@pytest.mark.parametrize("command", SHOWN, ids=" ".join)
def test_the_help_of_each_command_ends_with_an_example(quick_shell, command):
    said = quick_shell.hpo(*command, "--help")
    text = said.stdout.partition("\nOptions:")[0]
    line = text.strip().splitlines()[-1]
    assert "\n\n  Example:\n    " in text
    assert f"hpo {' '.join(command)} " in f"{line} " or command == ["data"]
    assert "\\b" not in said.stdout
    assert said.stderr == ""


def test_help_waits_for_no_library(quick_shell):
    program = (
        "import json, sys\n"
        "sys.argv = ['hpo', *sys.argv[1:], '--help']\n"
        "from hpo.cli import main\n"
        "main()\n"
        "print(json.dumps([*sys.modules]))\n"
    )
    for command in ([], ["run"], ["worker"]):
        process = quick_shell.start("-c", program, *command)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        loaded = {name.partition(".")[0] for name in json.loads(out.splitlines()[-1])}
        assert not loaded & set(HEAVY)
