"""A real server on the demo, and a real browser to look at it; both absent ones are said aloud."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote_plus

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from sample_data.demo import PASSWORD
from tests.dashboard.states import STATES, build
from tests.once import built_once

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = shutil.which("chromium")
OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
KNOWN = re.compile(r"/_stcore/(health|host-config)$")  # what Streamlit probes below a deep link and doesn't find
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)


@contextmanager
def serving(folder: Path, log: Path) -> Iterator[str]:
    """The dashboard on a workspace, on a free port of this machine; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/asgi.py", "--server.port", str(port)]
    environment = {**os.environ, "PLUMBLINE_WORKSPACE": str(folder)}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        try:
            address = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 60
            while not _answers(f"{address}/readyz"):
                if process.poll() is not None or time.monotonic() > until:
                    raise RuntimeError(f"The dashboard doesn't answer:\n{log.read_text()[-2000:]}")
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def demo_server(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard on the demo."""
    with serving(demo_folder, tmp_path_factory.mktemp("server") / "log") as address:
        yield address


@pytest.fixture(scope="session")
def hostile_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a dashboard on a model whose names are markup, scripts and formulas."""
    folder = built_once(tmp_path_factory, "hostile", lambda made: build(made, STATES["hostile"]()))
    with serving(folder, tmp_path_factory.mktemp("server") / "log") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium. Closed after each module: its event loop would be in the way of other tests'."""
    if CHROMIUM is None:
        pytest.skip("no browser: install Debian's package chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield browser
        browser.close()


class Visit:
    """A page in the browser, and everything on it that went wrong."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.wrong: list[str] = []
        page.on("console", self._said)
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        page.on("dialog", lambda dialog: (self.wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))

    def open(self, path: str) -> None:
        """Go to an address as by a link from elsewhere."""
        self.page.goto(f"{self.address}/{path}")
        self.settled()

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        """Come in by the form, as one of the demo's people unless another password is given."""
        self.page.goto(f"{self.address}/sign-in")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.settled()

    def settled(self) -> None:
        """Wait until the page is wholly there."""
        app = self.page.get_by_test_id("stApp")
        expect(app).to_have_attribute("data-test-connection-state", "CONNECTED")
        expect(app).to_have_attribute("data-test-script-state", "notRunning")
        expect(self.page.get_by_test_id("stSkeleton")).to_have_count(0)

    def choose(self, label: str, option: str) -> None:
        """Choose an option of a selector that the address tells, and wait until it does."""
        selector = self.page.get_by_role("combobox", name=label)
        selector.scroll_into_view_if_needed()
        self.page.wait_for_timeout(500)  # scrolling closes the list
        selector.fill(option)  # options far down are drawn once they are near
        self.page.get_by_role("option", name=option, exact=True).click()
        self.page.wait_for_url(lambda url: f"={quote_plus(option)}" in url, timeout=PATIENCE)
        self.settled()

    def check(self) -> None:
        """Nothing failed, nobody else was asked, and nothing has to be scrolled sideways."""
        expect(self.page.get_by_test_id("stException")).to_have_count(0)
        assert self.wrong == [], self.page.url
        wider = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert self.page.evaluate(wider) <= 0, f"{self.page.url} scrolls sideways"
        main = "(m => m.scrollWidth - m.clientWidth)(document.querySelector('[data-testid=stMain]'))"
        assert self.page.evaluate(main) <= 0, f"{self.page.url} scrolls sideways inside"

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not KNOWN.search(message.location.get("url", "")):
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.address, "data:", "blob:")):
            self.wrong.append(f"asked another host: {request.url}")


StartVisit = Callable[..., Visit]


def _visited(browser: Browser, address: str, *, who: str | None, width: int, theme: str) -> Visit:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme=theme,  # type: ignore[arg-type]
    )
    visit = Visit(context.new_page(), address)
    if who is not None:
        visit.sign_in(who)
    return visit


@pytest.fixture
def start_visit(browser: Browser) -> Iterator[StartVisit]:
    """Starts a visit to a server: `start_visit(address, who="ada", width=390, theme="dark")`."""
    visits = []

    def start(address: str, *, who: str | None = None, width: int = 1280, theme: str = "light") -> Visit:
        visits.append(_visited(browser, address, who=who, width=width, theme=theme))
        return visits[-1]

    yield start
    for visit in visits:
        visit.page.context.close()


@pytest.fixture(scope="module")
def visit_again(browser: Browser) -> Iterator[StartVisit]:
    """The same for tests that only look: whoever comes back is signed in, and what went wrong before isn't forgotten.

    A new browser would load and compile ten megabytes of scripts once more.
    """
    visits: dict[tuple[str, str | None, int, str], Visit] = {}

    def visit(address: str, *, who: str | None = None, width: int = 1280, theme: str = "light") -> Visit:
        key = (address, who, width, theme)
        if key not in visits:
            visits[key] = _visited(browser, address, who=who, width=width, theme=theme)
        return visits[key]

    yield visit
    for known in visits.values():
        known.page.context.close()
