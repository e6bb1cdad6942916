"""A real optuna-dashboard, for a person who fails a trial by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from urllib.request import Request, urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

from optuna.storages import RDBStorage
from optuna_dashboard import wsgi
from server import HOST


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def dashboard(storage: RDBStorage) -> Iterator[str]:
    """Serve the dashboard of a storage, and give its address."""
    with make_server(HOST, 0, wsgi(storage), handler_class=_Quiet) as server:
        thread = Thread(target=server.serve_forever, name="dashboard", daemon=True)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fail_trial(address: str, trial_id: int) -> None:
    """Fail a trial as the button does."""
    body = json.dumps({"state": "fail"}).encode()
    kind = {"Content-Type": "application/json"}
    url = f"{address}/api/trials/{trial_id}/tell"
    with urlopen(Request(url, body, kind, method="POST"), timeout=30) as answer:
        assert answer.status == 204, answer.status
