"""Database URLs: what is accepted, what is refused, and what is never printed."""

import pytest

from hpo.errors import InputError
from hpo.storage.database import Database, database_url, parse_url


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


def test_nor_is_that_of_a_client_s_key() -> None:
    url = parse_url("postgresql://db/hpo?sslkey=mine.key&sslpassword=s3cret")
    database = Database(url=url, storage=None, records=None)  # type: ignore[arg-type]
    assert database.address == "postgresql+psycopg2://db/hpo?sslkey=mine.key"
    assert "s3cret" not in repr(database)


@pytest.fixture
def password_file(tmp_path, monkeypatch):
    """A file with a password, for a URL without one."""
    file = tmp_path / "password"
    file.write_text("s3cret@ 1\n")
    monkeypatch.setenv("HPO_DATABASE_URL", "postgresql://ada@db/hpo")
    monkeypatch.setenv("HPO_DATABASE_PASSWORD_FILE", str(file))
    return file


def test_the_password_may_come_from_a_file(password_file):
    password_file.chmod(0o644)  # libpq would not read it
    with database_url() as url:
        assert (url.username, url.password) == ("ada", "s3cret@ 1")
        assert "s3cret" not in f"{url} {url!r}"


@pytest.mark.usefixtures("password_file")
def test_a_url_that_is_passed_has_its_own_password():
    with database_url("postgresql://bob:other@db/hpo") as url:
        assert url.password == "other"


def test_an_empty_password_file_is_refused(password_file):
    password_file.write_text("\n")
    with pytest.raises(InputError, match=r"HPO_DATABASE_PASSWORD_FILE: .*password is empty"):
        database_url().__enter__()


def test_a_password_file_that_is_not_there_is_refused(password_file):
    password_file.unlink()
    with pytest.raises(InputError, match=r"password can't be read: No such file or directory"):
        database_url().__enter__()


def test_a_password_file_that_is_no_text_is_refused(password_file):
    password_file.write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"password can't be read: it is not text"):
        database_url().__enter__()


@pytest.mark.usefixtures("password_file")
def test_two_passwords_are_refused(monkeypatch):
    monkeypatch.setenv("HPO_DATABASE_URL", "postgresql://ada:s3cret@db/hpo")
    with pytest.raises(InputError, match="has a password, too: leave one of them out") as caught:
        database_url().__enter__()
    assert "s3cret" not in str(caught.value)


def test_hpo_says_in_one_line_what_is_wrong_with_the_file(hpo, monkeypatch):
    monkeypatch.setenv("HPO_DATABASE_PASSWORD_FILE", "nowhere")
    said = hpo("status")
    assert said.code == 2
    assert said.err == (
        "hpo: HPO_DATABASE_PASSWORD_FILE: nowhere can't be read: No such file or directory\n"
    )
