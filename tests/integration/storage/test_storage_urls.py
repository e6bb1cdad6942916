"""Database URLs: what is accepted, what is refused, and what is never printed."""

import pytest

from hpo.errors import InputError
from hpo.storage.database import Database, parse_url


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_a_postgres_url_gets_its_driver(scheme: str) -> None:
    url = parse_url(f"{scheme}://ada:s3cret@db:5433/hpo?sslmode=require")
    plain = url.render_as_string(hide_password=False)
    assert plain == "postgresql+psycopg2://ada:s3cret@db:5433/hpo?sslmode=require"


@pytest.mark.parametrize(
    "given",
    [
        "sqlite:///s3cret.db",
        "mysql://ada:s3cret@db/hpo",
        "postgresql+psycopg://ada:s3cret@db/hpo",
        "postgresql://ada:s3cret@db:port/hpo",
        "postgresql://ada:pass@s3cret@db/hpo",
        "host=db password=s3cret",
        "s3cret",
    ],
)
def test_anything_else_is_refused_in_one_line(given: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_url(given)
    message = str(caught.value)
    assert message.startswith("HPO_DATABASE_URL: ")
    assert "\n" not in message
    assert "s3cret" not in message
    assert caught.value.__cause__ is None


def test_a_wrong_scheme_is_shown_what_is_accepted() -> None:
    with pytest.raises(InputError, match=r"sqlite is not supported: write it as postgresql://"):
        parse_url("sqlite:///hpo.db")


@pytest.mark.parametrize(
    "given", ["postgresql://ada:s3cret@db/hpo", "postgres://db?password=s3cret"]
)
def test_the_password_is_used_but_not_printed(given: str) -> None:
    url = parse_url(given)
    database = Database(url=url, storage=None, records=None)  # type: ignore[arg-type]
    assert url.password == "s3cret"
    assert "s3cret" not in f"{url} {url!r} {database} {database!r}"
