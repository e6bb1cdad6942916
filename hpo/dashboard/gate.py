"""The door of the dashboard: every request comes through here, and every answer leaves here."""

import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hpo.dashboard.access import ARTIFACTS, READ, Access, Role, is_loopback, needed

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HEALTH = "/healthz"
ASKED = "401 Unauthorized"
HEALTHY_FOR = 2.0  # seconds: nobody can make the database work by asking more often

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
OF_PAGES = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
# A file of a trial is shown, but runs nothing, asks for nothing and belongs to no site.
OF_ARTIFACTS = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
ARTIFACT = re.compile(ARTIFACTS)

Headers = list[tuple[str, str]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """A request that goes no further."""

    status: str
    reason: str
    headers: Headers = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Lets requests pass to the application behind it, as access and their origin allow."""

    application: "WSGIApplication"
    access: Access
    is_healthy: Callable[[], bool]
    host: str  # that is served, as the command was given it

    def __call__(self, environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        if path == HEALTH and method in READ:
            return self._health(start)
        try:
            self._admit(environ, method, path)
        except Refusal as refusal:
            if refusal.status != ASKED or "HTTP_AUTHORIZATION" in environ:
                who = environ.get("REMOTE_ADDR")
                log.warning("%s: %s %s: %s", who, method, ascii(path), refusal.reason)
            return _answer(start, refusal.status, {"reason": refusal.reason}, refusal.headers)
        return self.application(environ, _guarded(start, path))

    def _admit(self, environ: "WSGIEnvironment", method: str, path: str) -> None:
        """Raise a refusal, or do nothing."""
        if self.access.is_open and not self._is_our_host(environ.get("HTTP_HOST", "")):
            # A page of another site, whose name leads here, would read what only we may.
            raise Refusal("403 Forbidden", "this name is not this machine's")
        role = self.access.role_of(environ.get("HTTP_AUTHORIZATION", ""))
        if role is Role.NOBODY:
            asked = [("WWW-Authenticate", 'Basic realm="hpo", charset="UTF-8"')]
            raise Refusal(ASKED, "a password is needed", asked)
        if role < needed(method, path):
            who = "an editor" if role is Role.EDITOR else "a viewer"
            raise Refusal("403 Forbidden", f"{who} may not do this")
        if method not in READ and not _is_from_here(environ):
            raise Refusal("403 Forbidden", "another site has sent this")

    def _is_our_host(self, given: str) -> bool:
        name = _host_of(f"//{given}")
        return name is not None and (is_loopback(name) or name == self.host)

    def _health(self, start: "StartResponse") -> Iterable[bytes]:
        if self.is_healthy():
            return _answer(start, "200 OK", {"database": "ok"})
        return _answer(start, "503 Service Unavailable", {"database": "away"})


@dataclass
class Health:
    """Whether a look succeeds; for a moment the last one counts."""

    look: Callable[[], bool]
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _until: float = 0.0
    _found: bool = False

    def __call__(self) -> bool:
        """Return what was found."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._found = self.look()
                self._until = time.monotonic() + HEALTHY_FOR
            return self._found


def _is_from_here(environ: "WSGIEnvironment") -> bool:
    """Whether a browser, if one sends the request, does so for a page of this dashboard."""
    site, origin = environ.get("HTTP_SEC_FETCH_SITE"), environ.get("HTTP_ORIGIN")
    if site not in {None, "same-origin", "none"}:
        return False
    return origin is None or urlsplit(origin).netloc == environ.get("HTTP_HOST")


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _answer(
    start: "StartResponse", status: str, content: dict[str, str], headers: Headers | None = None
) -> Iterable[bytes]:
    body = json.dumps(content).encode()
    described = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    start(status, [*described, *HEADERS.items(), (POLICY, "default-src 'none'"), *(headers or [])])
    return [body]


def _guarded(start: "StartResponse", path: str) -> "StartResponse":
    """Let an answer leave with our headers in the place of those that say otherwise."""

    def start_guarded(status: str, headers: Headers, *exc_info: Any) -> Any:
        policy = next((value for name, value in headers if name.lower() == POLICY.lower()), "")
        if ARTIFACT.fullmatch(path):
            policy = OF_ARTIFACTS
        elif policy:
            policy = f"{policy}; {OF_PAGES}"
        else:
            policy = f"default-src 'none'; {OF_PAGES}"
        ours = {**HEADERS, POLICY: policy}
        dropped = {"access-control-allow-origin", *map(str.lower, ours)}
        kept = [(name, value) for name, value in headers if name.lower() not in dropped]
        return start(status, [*kept, *ours.items()], *exc_info)

    return start_guarded
