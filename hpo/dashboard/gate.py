"""The gate in front of the dashboard: it checks every request and secures every answer."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from hpo.dashboard.access import ARTIFACTS, READ, Access, Role, is_loopback, required_role

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEALTH = "/healthz"
UNAUTHORIZED = "401 Unauthorized"
HEALTHY_FOR = 2.0  # seconds for which an answer is reused, so that checks don't load the database

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "private, no-cache",
}
POLICY = "Content-Security-Policy"
PAGE_POLICY = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# A file of a trial is shown, but can't run scripts, make requests or act as a page of this site.
ARTIFACT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
ARTIFACT = re.compile(ARTIFACTS)

Headers = list[tuple[str, str]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """Raised for a request that is not passed on."""

    status: str
    reason: str
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Passes requests on to the application if their role and origin allow it."""

    application: "WSGIApplication"
    access: Access
    is_healthy: Callable[[], bool]
    host: str  # that the command was told to listen on

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == HEALTH and method in READ:
            return self._health(start)
        try:
            self._admit(environ, method, path)
        except Refusal as refusal:
            if refusal.status != UNAUTHORIZED or "HTTP_AUTHORIZATION" in environ:
                who = environ.get("REMOTE_ADDR")
                log.warning("%s: %s %s: %s", who, method, ascii(path), refusal.reason)
            return _answer(start, refusal.status, {"reason": refusal.reason}, refusal.headers)
        return self.application(environ, _guarded(start, path))

    def _admit(self, environ: "WSGIEnvironment", method: str, path: str) -> None:
        """Raise a Refusal unless the request is allowed."""
        if self.access.is_open and not self._is_our_host(environ.get("HTTP_HOST", "")):
            # DNS rebinding: a page of another site whose name resolves to this machine.
            raise Refusal("403 Forbidden", "this name is not this machine's")
        role = self.access.role_of(environ.get("HTTP_AUTHORIZATION", ""))
        if role is Role.NOBODY:
            asked = [("WWW-Authenticate", 'Basic realm="hpo", charset="UTF-8"')]
            raise Refusal(UNAUTHORIZED, "a password is needed", asked)
        if role < required_role(method, path):
            who = "an editor" if role is Role.EDITOR else "a viewer"
            raise Refusal("403 Forbidden", f"{who} may not do this")
        if method not in READ and not _is_same_origin(environ):
            raise Refusal("403 Forbidden", "another site has sent this")

    def _is_our_host(self, given: str) -> bool:
        name = _split(f"//{given}").hostname
        return name is not None and (is_loopback(name) or name == self.host)

    def _health(self, start: "StartResponse") -> Iterable[bytes]:
        if self.is_healthy():
            return _answer(start, "200 OK", {"database": "ok"})
        return _answer(start, "503 Service Unavailable", {"database": "away"})


@dataclass
class Health:
    """Whether a check succeeds; its result is reused for a moment."""

    check: Callable[[], bool]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _until: float = 0.0
    _found: bool = False

    def __call__(self) -> bool:
        """Return the result of the check."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._found = self.check()
                self._until = time.monotonic() + HEALTHY_FOR
            return self._found


def _is_same_origin(environ: "WSGIEnvironment") -> bool:
    """Whether a request comes from a page of this dashboard, or not from a browser."""
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
    if site not in {None, "same-origin", "none"}:
        return False
    return origin is None or _split(origin).netloc == environ.get("HTTP_HOST")


def _split(url: str) -> SplitResult:
    """Split a URL; a malformed one has no parts."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _answer(
    start: "StartResponse", status: str, content: dict[str, str], headers: Headers | None = None
) -> Iterable[bytes]:
    body = json.dumps(content).encode()
    described = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start(status, [*described, *HEADERS.items(), (POLICY, "default-src 'none'"), *(headers or [])])
    return [body]


def _guarded(start: "StartResponse", path: str) -> "StartResponse":
    """Add hpo's headers to an answer, in the place of its own of the same names."""

    def start_guarded(status: str, headers: Headers, *exc_info: Any) -> Any:
        policy = next((value for name, value in headers if name.lower() == POLICY.lower()), "")
        if ARTIFACT.fullmatch(path):
            policy = ARTIFACT_POLICY
        elif policy:
            policy = f"{policy}; {PAGE_POLICY}"
        else:
            policy = f"default-src 'none'; {PAGE_POLICY}"
        ours = {**HEADERS, POLICY: policy}
        dropped = {"access-control-allow-origin", *map(str.lower, ours)}
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        return start(status, [*kept, *ours.items()], *exc_info)

    return start_guarded
