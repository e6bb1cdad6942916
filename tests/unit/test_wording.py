import pytest

from hpo.definition.given import parse_assignments
from hpo.wording import in_words, number


@pytest.mark.parametrize("value", [True, False, 3, 0.25, "rbf"])
def test_a_value_is_shown_as_it_may_be_queued(value):
    name, shown = in_words({"whiten": number(value)}).split()
    assert parse_assignments([f"{name}={shown}"], "a test").values == {"whiten": value}
