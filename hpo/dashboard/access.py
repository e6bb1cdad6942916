"""Who may do what in the dashboard.

Passwords come from files, so that they are not in an environment or a list of processes.
"""

import base64
import hmac
import os
import re
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from hpo.errors import InputError

PASSWORD_FILE = "HPO_DASHBOARD_PASSWORD_FILE"  # noqa: S105 - the names of variables
EDITOR_FILE = "HPO_DASHBOARD_EDITOR_PASSWORD_FILE"
TOKEN_FILE = "HPO_DASHBOARD_TOKEN_FILE"  # noqa: S105
SHORTEST = 12  # characters of a password
LONGEST = 1024
GUESSABLE = re.compile(  # made of words from examples, once signs and digits are removed
    r"(change|replace|set|insert|your|my|the|a|it|this|me|default|example|sample|secret|admin|root|"
    r"postgres|hpo|dashboard|viewer|editor|user|token|test|demo|please|strong|here|with|"
    r"pass(word)?|passwd|pw|letmein|welcome|qwerty(uiop)?|asdf(ghjkl)?|abc|xyz|x)*"
)

READ = frozenset({"GET", "HEAD"})
ARTIFACTS = r"/artifacts/\d+(?:/\d+)?/[0-9a-fA-F-]+"
PAGES = re.compile(
    rf"/|/dashboard(?:/.*)?|/static/[\w.-]+|/favicon\.ico|/csv/\d+|{ARTIFACTS}"
    r"|/api/meta|/api/studies|/api/studies/\d+|/api/studies/\d+/param_importances"
)
NOTE = re.compile(r"/api/studies/\d+(?:/\d+)?/note")


class Role(IntEnum):
    """What somebody may do; each role includes those above it."""

    NOBODY = 0  # has given no valid password
    VIEWER = 1  # may read
    EDITOR = 2  # may write notes
    ADMIN = 3  # may do all that optuna-dashboard can


def required_role(method: str, path: str) -> Role:
    """Return the role that a request needs; unknown requests need the admin."""
    if method in READ and PAGES.fullmatch(path):
        return Role.VIEWER
    if method == "PUT" and NOTE.fullmatch(path):
        return Role.EDITOR
    return Role.ADMIN


@dataclass(frozen=True, kw_only=True)
class Access:
    """The passwords and the roles that they grant; without any, everybody may read."""

    viewer: str | None = None
    editor: str | None = None
    token: str | None = None
    editor_is_admin: bool = False

    @classmethod
    def from_environment(cls, host: str, *, admin: bool) -> Self:
        """Read the files that the environment names.

        Raises:
            InputError: a password is missing, or anybody could guess it.
        """
        found = cls(
            viewer=_secret(PASSWORD_FILE),
            editor=_secret(EDITOR_FILE),
            token=_secret(TOKEN_FILE),
            editor_is_admin=admin,
        )
        if admin and not found.editor:
            raise InputError(f"--admin: it is for the editor: put a password into {EDITOR_FILE}")
        if found.is_open and not is_loopback(host):
            raise InputError(
                f"--host {host}: without a password the dashboard serves this machine alone: "
                f"name a file with one in {PASSWORD_FILE}, or leave out --host"
            )
        if found.editor and found.editor in {found.viewer, found.token}:
            raise InputError(f"{EDITOR_FILE}: the editor needs a password that no viewer knows")
        return found

    @property
    def is_open(self) -> bool:
        """Whether it asks for no password."""
        return not (self.viewer or self.editor or self.token)

    def role_of(self, authorization: str) -> Role:
        """Return the role that an Authorization header grants, comparing in constant time."""
        if self.is_open:
            return Role.VIEWER
        editor = Role.ADMIN if self.editor_is_admin else Role.EDITOR
        roles = {
            _basic("viewer", self.viewer): Role.VIEWER,
            _basic("editor", self.editor): editor,
            self.token and f"bearer {self.token}": Role.VIEWER,
        }
        given = _canonical(authorization)
        matching = [role for known, role in roles.items() if known and _are_equal(known, given)]
        return max(matching, default=Role.NOBODY)


def is_loopback(host: str) -> bool:
    """Whether a host name or address is that of the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _secret(variable: str) -> str | None:
    """Read and check the secret in the file that an environment variable names."""
    path = os.environ.get(variable)
    if not path:
        return None
    try:
        with Path(path).open(encoding="utf-8-sig") as file:  # editors on Windows write a BOM
            secret = file.read(LONGEST + 3).removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not text"
        raise InputError(f"{variable}: {path}: {reason}: name a readable file") from None
    problem = _problem(secret)
    if problem:
        raise InputError(
            f"{variable}: {path}: the {_kind(variable)} {problem}: write another one, "
            "as from `openssl rand -base64 24`"
        )
    return secret


def _kind(variable: str) -> str:
    return "token" if variable == TOKEN_FILE else "password"


def _problem(secret: str) -> str | None:
    """Describe why a secret is refused; None if it is good."""
    if not secret.strip():
        return "is empty"
    if not secret.isprintable() or len(secret) > LONGEST:
        return f"is not one line of at most {LONGEST} characters"
    if GUESSABLE.fullmatch(re.sub(r"[\W\d_]", "", secret.lower())):
        return "is one that everybody knows"
    if secret != secret.strip():
        return "begins or ends with a space"
    if len(secret) < SHORTEST:
        return f"is shorter than {SHORTEST} characters"
    return None if len(set(secret)) > SHORTEST // 3 else "is a few characters again and again"


def _basic(user: str, password: str | None) -> str | None:
    encoded = password and base64.b64encode(f"{user}:{password}".encode()).decode()
    return encoded and f"basic {encoded}"


def _canonical(authorization: str) -> str:
    """Write the scheme, which is case-insensitive, in lower case."""
    scheme, _, value = authorization.partition(" ")
    return f"{scheme.lower()} {value.strip()}"


def _are_equal(known: str, given: str) -> bool:
    digests = (sha256(one.encode(errors="surrogateescape")).digest() for one in (known, given))
    return hmac.compare_digest(*digests)
