"""Facts about the pages that links in mails open, in a real browser, from the real API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.browser import CHROMIUM, Browser, browsing
from tests.notifications.test_unsubscribe import BROWSER, opted_out, token_of
from watchfloor.capabilities.notifications.engine.link_page import Page, link_page, locale_of
from watchfloor.capabilities.notifications.engine.link_words import State
from watchfloor.capabilities.notifications.engine.links import Act

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.notifications.world import World

HOSTILE = "<img src=https://example.org/x.png onerror=alert(1)>\u202e'\"</strong><script>alert(2)</script>"
in_a_browser = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def opened(browser: Browser, http: httpx.Client, path: str) -> Browser:
    """Open a page of the API; all that the browser asks for is the page itself, and nothing is said to the console."""
    address = str(http.base_url.join(path))
    browser.seen.clear()
    browser.open(address)
    seen = [one for one in browser.seen if "Failed to load resource" not in one[1]]  # that the page itself is a 404
    assert seen == [("request", address)]
    return browser


def barriers(browser: Browser, folder: Path, html: str) -> list[str]:
    """Return what keeps people out of a page; it is looked at as a file, for the API's policy lets nothing run in it, axe-core neither."""
    (folder / "page.html").write_text(html, encoding="utf-8")
    browser.open(folder / "page.html")
    found = []
    for scheme in ("light", "dark"):
        browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        found += browser.barriers()
    return found


def pressed(browser: Browser) -> None:
    """Press the page's one button with the keyboard, and wait for the page that answers."""
    browser.seen.clear()
    browser.press("Tab", 9)
    assert browser.value("document.activeElement.type") == "submit"
    with browser.loading():
        browser.press("Enter", 13, "\r")
    assert len([one for one in browser.seen if one[0] == "request"]) == 1
    assert [one for one in browser.seen if one[0] != "request"] == []


@pytest.mark.parametrize("locale", ["en", "de"])
class TestInABrowser:
    """What a page does when somebody opens it."""

    pytestmark = in_a_browser

    def test_one_button_unsubscribes_and_the_next_undoes_it(self, world: World, http: httpx.Client, browser: Browser, locale: str) -> None:
        world.wish("ana", locale=locale)
        page = opened(browser, http, token_of(world))
        assert page.value("document.documentElement.lang") == locale
        assert opted_out(world) == []
        pressed(browser)
        assert opted_out(world) == ["scans.finished"]
        pressed(browser)
        assert opted_out(world) == []
        assert page.value("document.querySelectorAll('form').length") == 0

    def test_no_page_runs_loads_or_shuts_anybody_out(
        self, world: World, http: httpx.Client, browser: Browser, locale: str, tmp_path: Path
    ) -> None:
        world.wish(HOSTILE, locale=locale, opted_out=["scans.*", "reports.ready"])
        pages = [
            token_of(world, HOSTILE, "message.sent"), token_of(world, HOSTILE), token_of(world, HOSTILE, "reports.ready"),
            token_of(world, HOSTILE, "reports.ready", Act.UNDO), token_of(world, HOSTILE, "a.b", Act.UNDO),
            token_of(world, HOSTILE, age=timedelta(days=181)), token_of(world)[:-1],
        ]  # fmt: skip
        for path in pages:
            page = opened(browser, http, path)
            assert page.value("[document.scripts.length, document.images.length, document.links.length].join()") == "0,0,0"
            assert page.value("getComputedStyle(document.querySelector('main')).maxWidth") == "576px"  # the policy lets the style in
            shown = http.get(path, headers=BROWSER).text
            assert barriers(browser, tmp_path, shown) == [], path


@pytest.mark.parametrize("state", list(State))
def test_every_state_is_said_in_both_languages(state: State) -> None:
    told = Page(state=state, user="ana", what="scans.finished", undo="t" if state is State.OUT else "")
    english, german = (link_page(told, locale) for locale in ("en", "de"))
    assert english != german
    assert ('lang="en"' in english, 'lang="de"' in german) == (True, True)
    for page in (english, german):
        names = state not in {State.INVALID, State.EXPIRED, State.GONE}
        assert ("<strong>ana</strong>" in page, "<strong>scans.finished</strong>" in page) == (names, names)
        assert "{" not in page.partition("<body>")[2]
        assert ("<form" in page) == (state in {State.ASK, State.OUT, State.ASK_UNDO, State.ASK_ACKNOWLEDGE})


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [
        ("", "en"),
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("fr,de;q=0.9", "de"),
        ("fr", "en"),
        ("EN-gb,de", "en"),
        (";;,,-", "en"),
        ("x" * 9000 + ",de", "en"),
    ],
)
def test_a_page_speaks_the_first_language_that_it_knows(accepted: str, locale: str) -> None:
    assert locale_of(accepted) == locale


def test_a_person_who_said_a_language_is_answered_in_it_whatever_the_browser_says(world: World, http: httpx.Client) -> None:
    assert 'lang="de"' in http.get(token_of(world), headers={"accept-language": "de"}).text
    world.wish("ana", locale="en")
    assert 'lang="en"' in http.get(token_of(world), headers={"accept-language": "de"}).text
