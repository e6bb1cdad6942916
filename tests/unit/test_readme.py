"""What the README says is true."""

import re
import tomllib
from pathlib import Path

import pytest

from hpo.cli import COMMANDS
from hpo.definition import Definition, parse
from hpo.models import resolve
from hpo.search_space import build

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def example():
    (block,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    return tomllib.loads(block)


def test_the_definition_is_a_good_one(example):
    definition = parse(example, "README.md")
    model = resolve(definition.model, "README.md")
    build(definition, model.Params, model.parameters, "README.md")


def test_the_definition_shows_every_key(example):
    assert set(example) == set(Definition.model_fields)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_mentioned(command):
    assert f"hpo {command}" in README


@pytest.mark.parametrize("place", re.findall(r"^\| `([^`]+)` \|", README, re.MULTILINE))
def test_every_place_that_it_names_is_there(place):
    assert (ROOT / place).exists()
