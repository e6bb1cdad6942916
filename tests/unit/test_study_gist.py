"""What people read of a trial that failed."""

import asyncio
import traceback

import keras
import numpy as np
import pytest

from hpo.study import gist
from hpo.worker.mishaps import raised_at


def raised(call):
    """Return the error that a trial's code raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever a library raises
        call()
    return caught.value


def told(call):
    """Return what is recorded of it."""
    return "".join(traceback.format_exception(raised(call)))


class Odd(keras.Layer):
    """Keras tells of what it raises where, why and with which arguments."""

    def call(self, images):
        raise ValueError(f"{images.shape[-1]} channels are odd")


def call_keras(batch_size):
    Odd()(np.zeros((batch_size, 8, 8, 3)))


def test_of_an_error_that_says_much_the_beginning_is_shown():
    expected = "ValueError: Exception encountered when calling Odd.call(). 3 channels are odd"
    assert gist(told(lambda: call_keras(32))) == expected


def test_one_bug_is_one_bug_whatever_it_says_of_the_data():
    first, second = raised(lambda: call_keras(32)), raised(lambda: call_keras(64))
    assert str(first) != str(second)
    assert raised_at(first) == raised_at(second)
    assert raised_at(first).startswith('ValueError in File "')
    assert raised_at(first).endswith("in call")


def test_of_errors_that_led_to_each_other_the_last_one_counts():
    def call():
        try:
            {}["missing"]
        except KeyError as error:
            raise RuntimeError("no such key\n\n  - look for another") from error

    assert gist(told(call)) == "RuntimeError: no such key"


def test_what_is_no_traceback_is_shown_as_it_is():
    assert gist("3 workers died at the same step of it") == "3 workers died at the same step of it"


def test_a_group_of_errors_is_told_and_placed_as_a_group():
    def call(numbers):
        errors = []
        for number in numbers:
            try:
                int(number)
            except ValueError as error:
                errors.append(error)
        raise ExceptionGroup(f"{len(errors)} cells", errors)

    first, second = (raised(lambda n=numbers: call(n)) for numbers in (["a"], ["b", "c"]))
    assert gist(told(lambda: call(["b", "c"]))) == "ExceptionGroup: 2 cells (2 sub-exceptions)"
    assert raised_at(first) == raised_at(second)
    assert raised_at(first).startswith("ExceptionGroup in File")


def test_groups_that_one_place_raises_of_different_errors_are_different_bugs():
    async def call(kind):
        async def fail():
            raise kind("it")

        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    kinds = (ValueError, TypeError, KeyError)
    bugs = {raised_at(raised(lambda k=kind: asyncio.run(call(k)))) for kind in kinds}
    assert len(bugs) == 3
    assert all(bug.startswith("ExceptionGroup in File") for bug in bugs)


def test_of_lines_that_are_all_indented_the_last_one_is_shown():
    assert gist("  it was\n  killed\n") == "killed"


def test_nothing_of_an_error_moves_a_terminal():
    said = "ValueError: \x1b[2J\x1b[31mbad\x1b[0m \x1b]0;title\x07rows\x08\x9b"
    assert gist(said) == "ValueError: bad rows"
