"""A real browser: Debian's Chromium without a screen, driven by Playwright."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",  # which root's Chromium does not start with
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def browser(user: tuple[str, str] | None = None) -> Iterator[BrowserContext]:
    """Open a browser that nobody has used; it knows the name and the password of a user."""
    with tempfile.TemporaryDirectory(prefix="hpo-browser-") as profile, sync_playwright() as driver:
        known = {"http_credentials": {"username": user[0], "password": user[1]}} if user else {}
        context = driver.chromium.launch_persistent_context(
            profile,
            executable_path=CHROMIUM,
            args=FLAGS,
            viewport={"width": 1400, "height": 1000},
            **known,
        )
        context.set_default_timeout(30_000)
        try:
            yield context
        finally:
            context.close()
