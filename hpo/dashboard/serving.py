"""Serving the dashboard over HTTP, in one process, since each would read all trials."""

import errno
import os
import signal
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from waitress.server import create_server

from hpo.errors import HpoError, InputError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

THREADS = 8
LOOK = 0.5  # seconds between looks for the parent
NOTE_BYTES = 2**20  # of a request; the largest is a note
UPLOAD_BYTES = 2**27  # of a request, if people may upload files
ANYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be recognised


@dataclass(frozen=True)
class Server:
    """A dashboard that listens, and answers once it runs."""

    listening: Any  # Waitress has no types
    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for a browser."""
        host = socket.gethostname() if self.host in ANYWHERE else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def run(self) -> None:
        """Answer until a KeyboardInterrupt; requests in progress have a few seconds to finish."""
        try:
            self.listening.run()
        finally:
            self.listening.close()


def listen(application: "WSGIApplication", host: str, port: int, *, uploads: bool) -> Server:
    """Listen at an address; port 0 is any that is free.

    Raises:
        PortInUse: another program uses the port.
        InputError: the address is not this machine's, or the port is reserved.
    """
    listener = _listener(host, port)
    listening = create_server(
        application,
        sockets=[listener],
        threads=THREADS,
        ident=None,  # no Server header
        max_request_body_size=UPLOAD_BYTES if uploads else NOTE_BYTES,
    )
    return Server(listening, host, listener.getsockname()[1])


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family)
    except (socket.gaierror, UnicodeError):
        raise InputError(f"--host {host}: this machine has no such name or address") from None
    except OSError as error:
        raise _in_our_words(error, host, port) from error


def end_with(parent: int) -> None:
    """Send this process SIGTERM when its parent has ended."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


class PortInUse(InputError):  # noqa: N818 - an InputError
    """Another program uses the port."""


def _in_our_words(error: OSError, host: str, port: int) -> HpoError:
    match error.errno:
        case errno.EADDRINUSE:
            return PortInUse(f"--port {port}: another program uses it: choose another one")
        case errno.EACCES:
            return InputError(f"--port {port}: only root may use it: choose one above 1023")
        case errno.EADDRNOTAVAIL:
            return InputError(f"--host {host}: this machine has no such name or address")
    return HpoError(f"{host}:{port}: {error.strerror}")
