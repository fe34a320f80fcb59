"""A browser and a site for the tests of a module.

Playwright runs a loop in this thread for as long as it is open; so it is opened for a module here
and closed after it, and no other test notices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import chromium
from tests.browser.site import ADMIN, PASSWORD, Site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]  # root, and a container's small /dev/shm
PATIENCE_MS = 20_000
SHOTS = Path(__file__).parent.parent.parent / ".screenshots"


@pytest.fixture(scope="session")
def chromium_path() -> str:
    if reason := chromium.why_not():
        (pytest.fail if chromium.is_required() else pytest.skip)(reason)
    return str(chromium.found())


@pytest.fixture(scope="module")
def site(chromium_path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a site with nothing in its database but the people who may log in."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.prepare()
    site.start()
    yield site
    site.stop()


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - it may not be installed

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=FLAGS)
        yield browser
        browser.close()


Cookies = dict[str, Any]


class Pages:
    """Opens pages of the site, and notes in `problems` what is written into their consoles."""

    def __init__(self, browser: Browser, url: str, cookies: Cookies) -> None:
        self._browser = browser
        self._url = url
        self._contexts = ExitStack()
        self._cookies = cookies
        self.problems: list[str] = []

    def __call__(
        self,
        path: str = "/admin/",
        user: str | None = ADMIN,
        *,
        errors: bool = False,
        **options: Any,
    ) -> Page:
        """Open a page, logged in as that user, or as nobody for None.

        With `errors` none is noted. `options` are those of a Playwright context.
        """
        context = self._browser.new_context(base_url=self._url, **options)
        self._contexts.callback(context.close)
        context.set_default_timeout(PATIENCE_MS)
        if user is not None:
            context.add_cookies(self._cookies_of(user))
        page = context.new_page()
        if not errors:
            page.on("console", lambda message: self.problems.extend(_problems_of(message)))
            page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.goto(path)
        return page

    def _cookies_of(self, user: str) -> Any:
        """Return what a browser has after logging in, which each user does once."""
        if user not in self._cookies:
            with self._browser.new_context(base_url=self._url) as context:
                _log_in(context, user)
                self._cookies[user] = context.cookies()
        return self._cookies[user]

    def check(self) -> None:
        """Fail for an error that a page has written so far, as for a breach of the policy."""
        problems, self.problems = self.problems, []
        assert problems == []

    def close(self) -> None:
        self._contexts.close()


@pytest.fixture(scope="module")
def cookies(site: Site) -> Cookies:
    """Keep the cookies of those who have logged in."""
    return {}


@pytest.fixture
def open_page(browser: Browser, site: Site, cookies: Cookies) -> Iterator[Pages]:
    """Open pages; fails in the end for any error that one of them has written."""
    pages = Pages(browser, site.url, cookies)
    yield pages
    pages.close()
    pages.check()


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Keep a picture of a page, in a folder that git ignores."""

    def shoot(page: Page, name: str) -> None:
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / f"{name}.png", full_page=True, caret="initial")

    return shoot


def _problems_of(message: ConsoleMessage) -> list[str]:
    is_icon = message.location["url"].endswith("/favicon.ico")  # which no page here names
    return [message.text] if message.type == "error" and not is_icon else []


def _log_in(context: BrowserContext, user: str) -> None:
    page = context.new_page()
    page.goto("/admin/login/")
    page.get_by_label("Username").fill(user)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    page.close()
