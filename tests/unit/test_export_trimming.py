"""A dataclass in a script has only the fields that the script reads."""

from textwrap import dedent

import pytest

from hpo.export.trimming import trimmed

PARAMS = '''
@dataclass(frozen=True, kw_only=True)
class Params:
    """What it takes."""

    # The network.
    width: int
    depth: int = 2  # of all of it
    # Only where there are many.
    heads: int = 1

    # The training.
    rate: float = 0.1
'''


def left_of(*functions, params=PARAMS):
    texts = [dedent(text).strip() for text in (params, *functions)]
    found = trimmed(texts, "Params", "params")
    assert [*found.texts[1:]] == texts[1:]
    return list(found.fields), found.texts[0]


def test_fields_that_nobody_reads_go_with_their_comments():
    fields, text = left_of("def fit(params):\n    return params.width + inner(params)", INNER)
    assert fields == ["width", "rate"]
    assert text.splitlines()[4:] == [
        "    # The network.",
        "    width: int",
        "",
        "    # The training.",
        "    rate: float = 0.1",
    ]


INNER = "def inner(params):\n    return params.rate"


def test_a_comment_of_one_field_does_not_stay_for_the_next():
    params = PARAMS.replace("    heads: int = 1", "    heads: int = 1\n    tails: int = 2")
    fields, text = left_of("def fit(params):\n    return params.tails", params=params)
    assert fields == ["tails"]
    assert "# The network.\n    tails: int = 2" in text
    assert "many" not in text


def test_a_title_goes_with_all_that_was_below_it():
    _, text = left_of("def fit(params):\n    return params.depth")
    assert "# The network.\n    depth: int = 2  # of all of it" in text
    assert "The training" not in text
    assert "many" not in text


ALL = ["width", "depth", "heads", "rate"]


@pytest.mark.parametrize(
    "function",
    [
        "def fit(params):\n    return params.width, asdict(params)",
        "def fit(params):\n    return params.width, other(params)\n",
        "def fit(params):\n    return params.width, [params]\n",
        "def fit(params):\n    return params.width, Params(width=1)\n",
        "def fit(params):\n    return params.width, replace(params, width=1)\n",
        "def fit(X):\n    return X",
    ],
)
def test_all_stay_where_more_may_be_read(function):
    assert left_of(function, "def other(p):\n    return p.rate") == (ALL, PARAMS.strip())


@pytest.mark.parametrize(
    "params",
    [
        PARAMS + "\n    @property\n    def both(self):\n        return self.width + self.depth\n",
        PARAMS.replace("class Params:", "class Params(Base):"),
    ],
    ids=["a property", "a base"],
)
def test_all_stay_where_the_class_has_more_than_fields(params):
    function = "def fit(params: Params) -> int:\n    return params.width"
    assert left_of(function, params=params)[0] == ALL
    assert left_of(function)[0] == ["width"]
