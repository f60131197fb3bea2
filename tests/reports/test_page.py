"""Facts about the HTML report in a real browser."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import CHROMIUM, Browser, browsing
from tests.reports import model
from tests.reports.corpus import HTML, PAYLOADS, SVG
from watchfloor.capabilities.reports.engine.to_html import write
from watchfloor.capabilities.reports.schemas.snapshot import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")]

HEAD = "document.querySelector('#open thead')"
COLUMN = "[...document.querySelectorAll('#open tbody tr:not([hidden])')].map((row) => row.cells[{n}].textContent)"
TITLES = "[...document.querySelectorAll('#open tbody tr:not([hidden]) summary')].map((one) => one.textContent)"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


def written(folder: Path, count: int = 40, *, text: str | None = None, **options: Any) -> Path:
    """Write a report into a folder."""
    place, pieces = folder / "report.html", list[bytes]()
    write(model.spool(count, text=text, services=2), Options(**options), pieces.append)
    place.write_bytes(b"".join(pieces))
    return place


def opened(browser: Browser, page: Path) -> Browser:
    browser.seen.clear()
    browser.open(page)
    return browser


def settled(browser: Browser) -> None:
    """Wait until the page has drawn twice."""
    browser.value("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))")


def until(browser: Browser, condition: str) -> None:
    """Wait until a condition holds, looked at whenever the page draws."""
    browser.value(f"new Promise((done) => {{ const look = () => ({condition}) ? done(1) : requestAnimationFrame(look); look(); }})")


def test_a_page_of_hostile_rows_does_nothing(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)  # noqa: S311 - a model, not a secret
    texts = [one.encode("utf-8", "backslashreplace").decode()[:20_000] for one in PAYLOADS]
    rows = [model.row(n, rng, text) for n, text in enumerate(texts)]
    monkeypatch.setattr(model, "findings", lambda *_: rows)
    page = written(tmp_path, len(rows))
    opened(browser, page)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    browser.value("document.querySelectorAll('.sort').forEach((one) => one.click())")
    settled(browser)
    assert browser.seen == [("request", page.as_uri())]
    assert browser.value("document.querySelectorAll('#open tbody tr, #aside tbody tr').length") == len(PAYLOADS)


def test_pages_that_are_hostile_everywhere_do_nothing(browser: Browser, tmp_path: Path) -> None:
    for n, payload in enumerate((*HTML, *SVG)):
        page = written(tmp_path, 3, text=payload, audience=("auditor", "executive")[n % 2])
        opened(browser, page)
        browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert browser.seen == [("request", page.as_uri())], payload
        assert browser.value("document.body.lastElementChild.tagName + document.scripts.length") == "SCRIPT1", payload


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("audience", ["executive", "engineer", "auditor"])
def test_nothing_keeps_people_out(browser: Browser, tmp_path: Path, audience: str, *, dark: bool) -> None:
    opened(browser, written(tmp_path, audience=audience))
    browser.picture(wide=1200, high=900, dark=dark)
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert browser.barriers() == []


def test_a_script_that_is_not_ours_is_refused(browser: Browser, tmp_path: Path) -> None:
    page = written(tmp_path)
    page.write_text(page.read_text().replace("</main>", "<img src=x onerror=alert(1)><script>alert(1)</script></main>"))
    opened(browser, page)
    settled(browser)
    told = [said for kind, said in browser.seen if kind == "console" and said.startswith("policy")]
    assert [kind for kind, _ in browser.seen if kind == "dialog"] == []
    assert {one.split()[1] for one in told} == {"script-src-elem", "script-src-attr", "img-src"}


def test_a_table_is_sorted_with_the_keyboard(browser: Browser, tmp_path: Path) -> None:
    opened(browser, written(tmp_path))
    before = browser.value(COLUMN.format(n=4))
    browser.value(f"{HEAD}.rows[0].cells[3].querySelector('button').focus()")
    browser.press("Tab", 9)
    assert browser.value(f"document.activeElement === {HEAD}.rows[0].cells[4].querySelector('button')")
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    states, ports = [], [""]
    for _ in range(3):
        browser.press("Enter", 13, "\r")
        ports = browser.value(COLUMN.format(n=4))
        numbers = [int(port) for port in ports]
        states.append(
            (
                browser.value(f"{HEAD}.rows[0].cells[4].getAttribute('aria-sort')"),
                numbers == sorted(numbers),
                numbers == sorted(numbers)[::-1],
            )
        )
    assert states[:2] == [("descending", False, True), ("ascending", True, False)]
    assert states[2][0] is None
    assert ports == before


def test_severities_sort_by_weight_and_unknown_stands_last(browser: Browser, tmp_path: Path) -> None:
    opened(browser, written(tmp_path))
    browser.value(f"{HEAD}.rows[0].cells[0].querySelector('button').click()")
    browser.value(f"{HEAD}.rows[0].cells[0].querySelector('button').click()")
    assert list(dict.fromkeys(browser.value(COLUMN.format(n=0)))) == ["info", "low", "medium", "high", "critical"]
    for way in ("descending", "ascending"):
        browser.value(f"{HEAD}.rows[0].cells[1].querySelector('button').click()")
        priorities = browser.value(COLUMN.format(n=1))
        known = [float(one) for one in priorities if one != "\N{EN DASH}"]
        assert priorities[len(known) :] == ["\N{EN DASH}"] * (len(priorities) - len(known))
        assert known == sorted(known, reverse=way == "descending")


def test_rows_are_filtered_by_words_and_by_severity(browser: Browser, tmp_path: Path) -> None:
    opened(browser, written(tmp_path))
    browser.value("document.querySelector('.bar input').focus()")
    for letter in "diffie":  # stands only in what a finding says when it is opened
        browser.press(letter, ord(letter.upper()), letter)
    until(browser, "!document.querySelector('.shown').textContent.startsWith('34 ')")
    titles = browser.value(TITLES)
    assert 0 < len(titles) < 34
    assert all("Weak key exchange" in one for one in titles)
    assert browser.value("document.querySelector('.shown').textContent") == f"{len(titles)} of 34 rows"
    browser.value(
        "(() => { const one = document.querySelector('.bar select'); one.value = 'critical'; one.dispatchEvent(new Event('change')); })()"
    )
    assert set(browser.value(COLUMN.format(n=0))) == {"critical"}


def test_what_rows_are_chosen_by_says_how_many_there_are(browser: Browser, tmp_path: Path) -> None:
    opened(browser, written(tmp_path))
    values = browser.value(COLUMN.format(n=0))
    told = browser.value("[...document.querySelector('.bar select').options].slice(1).map((one) => one.textContent)")
    order = [one for one in ("critical", "high", "medium", "low", "info") if one in values]
    assert told == [f"{one.capitalize()} ({values.count(one)})" for one in order]
    aside = browser.value("[...document.querySelectorAll('.bar')[1].querySelectorAll('option')].map((one) => one.textContent)")
    assert [one for one in aside if one.startswith("False positive (")]


def test_a_link_to_a_finding_opens_it_and_all_can_be_opened(browser: Browser, tmp_path: Path) -> None:
    page = written(tmp_path)
    opened(browser, page)
    assert browser.value("document.querySelectorAll('#open details[open]').length") == 0
    browser.value("location.hash = document.querySelector('#open tbody tr').id")
    until(browser, "document.querySelectorAll('#open details[open]').length === 1")
    browser.value("document.querySelector('.bar button').click()")
    assert browser.value("document.querySelectorAll('#open details[open]').length") == 34


def test_no_page_is_wider_than_its_window(browser: Browser, tmp_path: Path) -> None:
    for text in (None, "w" * 300):
        opened(browser, written(tmp_path, text=text, audience="auditor"))
        for wide in (360, 768, 1280):
            browser.picture(wide=wide, high=600)
            assert browser.value("document.documentElement.scrollWidth") <= wide, (text, wide)


def test_every_text_can_be_read_against_its_ground(browser: Browser, tmp_path: Path) -> None:
    opened(browser, written(tmp_path, audience="auditor", classification="INTERNAL"))
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for dark in (False, True):
        browser.picture(wide=1280, high=600, dark=dark)
        assert browser.value(FAINT) == []


@pytest.mark.parametrize("accent", ["#0b3d2e", "#8a1538", "#5b2a86"])
def test_a_chosen_colour_is_used_and_can_be_read_in_light_dark_and_print(browser: Browser, tmp_path: Path, accent: str) -> None:
    chosen = {"accent": accent, "series2": accent}
    opened(browser, written(tmp_path, audience="auditor", classification="INTERNAL", theme=chosen))
    browser.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    for medium, scheme in (("screen", "light"), ("screen", "dark"), ("print", "light"), ("print", "dark")):
        browser.ask("Emulation.setEmulatedMedia", media=medium, features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert browser.value(FAINT) == [], (medium, scheme)
        used = browser.value("getComputedStyle(document.querySelector('.brand')).color")
        assert (
            used
            == browser.value(
                f"(() => {{ const one = document.createElement('i'); one.style.color = '{accent}'; return one.style.color; }})()"
            )
        ) == ((medium, scheme) != ("screen", "dark"))
    browser.ask("Emulation.setEmulatedMedia", media="", features=[])


HEBREW = "\u05e9\u05dc\u05d5\u05dd 443 \u05e2\u05d5\u05dc\u05dd"


@pytest.mark.parametrize("locale", ["en", "ar"])
def test_letters_that_run_from_right_to_left_reorder_nothing_beside_them(browser: Browser, tmp_path: Path, locale: str) -> None:
    opened(browser, written(tmp_path, 12, text=HEBREW, audience="executive", locale=locale))
    organisation, subject, day = (
        f"document.querySelector('header .meta {one}').getBoundingClientRect()"
        for one in ("bdi:nth-of-type(1)", "bdi:nth-of-type(2)", "time")
    )
    assert browser.value(f"{organisation}.right <= {subject}.left && {subject}.right <= {day}.left")
    facts = "document.querySelector('article .meta')"
    assert browser.value(f"{facts}.querySelector('code').getBoundingClientRect().right <= {PORT.format(where=facts)}.left")


# Where the port stands: the text behind the name of the asset.
PORT = "(() => {{ const found = document.createRange(); found.selectNodeContents({where}.childNodes[1]); return found.getBoundingClientRect(); }})()"


def test_addresses_and_evidence_run_from_left_to_right_for_everybody(browser: Browser, tmp_path: Path) -> None:
    opened(browser, written(tmp_path, locale="ar", audience="auditor", classification="INTERNAL"))
    ways = browser.value(
        "[...new Set([...document.querySelectorAll('code, pre')].map((one) => { const style = getComputedStyle(one); return style.direction + ' ' + style.unicodeBidi; }))]"
    )
    assert ways == ["ltr isolate"]
    assert browser.value("getComputedStyle(document.querySelector('.classification')).textAlign") == "center"
    for wide in (360, 1280):
        browser.picture(wide=wide, high=600)
        assert browser.value("document.documentElement.scrollWidth") <= wide


@pytest.mark.parametrize("locale", ["de", "es", "fr"])
def test_no_language_is_too_wide_for_a_window_or_a_column(browser: Browser, tmp_path: Path, locale: str) -> None:
    opened(browser, written(tmp_path, audience="auditor", locale=locale))
    for wide in (360, 768, 1280):
        browser.picture(wide=wide, high=600)
        assert browser.value("document.documentElement.scrollWidth") <= wide
    for medium, wide in (("screen", 1280), ("print", 703)):  # as many pixels as a sheet is wide between its margins
        browser.picture(wide=wide, high=600)
        browser.ask("Emulation.setEmulatedMedia", media=medium, features=[])
        assert browser.value(f"{OVER}.map((one) => one.textContent)") == [], medium
    browser.ask("Emulation.setEmulatedMedia", media="", features=[])


# Heads and badges that reach out of their cells.
OVER = """[...document.querySelectorAll('#open th, #open .badge')].filter((one) => one.scrollWidth > one.clientWidth + 1
  || one.getBoundingClientRect().right > one.closest('th, td').getBoundingClientRect().right)"""


# WCAG 2.2, 1.4.3: each text against the nearest ground that is painted below it.
FAINT = """(() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const channels = (colour) => { context.clearRect(0, 0, 1, 1); context.fillStyle = colour; context.fillRect(0, 0, 1, 1); return [...context.getImageData(0, 0, 1, 1).data]; };
  const light = (colour) => channels(colour).slice(0, 3).map((one) => one / 255).map((one) => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)
    .reduce((sum, one, n) => sum + one * [0.2126, 0.7152, 0.0722][n], 0);
  const ground = (one) => { for (; one; one = one.parentElement) { const found = getComputedStyle(one).backgroundColor; if (channels(found)[3] === 255) return found; } return "#fff"; };
  const faint = new Set();
  for (const one of document.querySelectorAll("body *:not(script):not(option):not(svg *)")) {
    if (![...one.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) || !one.checkVisibility()) continue;
    const [low, high] = [light(getComputedStyle(one).color), light(ground(one))].sort((a, b) => a - b);
    if ((high + 0.05) / (low + 0.05) < 4.5) faint.add(one.tagName + "." + one.className + " " + ((high + 0.05) / (low + 0.05)).toFixed(2));
  }
  return [...faint];
})()"""
