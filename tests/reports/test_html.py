"""Facts about the HTML report."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports import model
from tests.reports.corpus import ADDRESSES, PAYLOADS
from watchfloor.capabilities.reports.engine.cells import Cells
from watchfloor.capabilities.reports.engine.links import web
from watchfloor.capabilities.reports.engine.logo import clean
from watchfloor.capabilities.reports.engine.page import Page
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.engine.to_html import write
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.capabilities.reports.schemas.findings import findings_head
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from watchfloor.capabilities.reports.engine.render import Rendered
    from watchfloor.capabilities.reports.engine.spool import Spool

EMPTY = {"meta", "img", "input", "br"}
CSV = re.compile(r'<a class="attachment" download="([\w-]+\.csv)" href="data:text/csv;base64,([A-Za-z0-9+/=]*)">([^<]*)</a>')


def rendered(spool: Spool, **options: Any) -> tuple[str, Rendered]:
    pieces: list[bytes] = []
    made = write(spool, Options(**options), pieces.append)
    return b"".join(pieces).decode(), made


def page(count: int = 40, *, text: str | None = None, services: int = 3, head: dict[str, Any] | None = None, **options: Any) -> str:
    return rendered(model.spool(count, text=text, services=services, **(head or {})), **options)[0]


class Seen(HTMLParser):
    """Collects tags, attributes and text; every element is closed in its order."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY and not (self._open and self._open[-1] in EMPTY):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag of a shape."""
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the tag."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data

    def shape(self) -> list[tuple[str, frozenset[str]]]:
        """Return the page's elements with the names of their attributes, without links to the web and what is inside pictures."""
        drawn = {"svg", "defs", "pattern", "path", "rect", "circle", "polygon", "polyline", "text"}
        kept = [(tag, told) for tag, told in self.tags if tag not in drawn and not (tag == "a" and "rel" in told)]
        return [(tag, frozenset(told)) for tag, told in kept]


@pytest.mark.no_cover  # each text walks the same lines
def test_hostile_text_stays_text() -> None:
    shapes = {
        audience: Seen(page(2, text="plain", services=1, audience=audience, classification="plain")).shape()
        for audience in ("auditor", "executive")
    }
    for n, payload in enumerate(PAYLOADS):
        if not payload.strip():
            continue  # an empty text is left out of the page, with its heading
        audience = ("auditor", "executive")[n % 2]
        classification = payload.encode("utf-8", "backslashreplace").decode()[:60]
        html = page(2, text=payload, services=1, audience=audience, classification=classification)
        seen = Seen(html)
        assert seen.shape() == shapes[audience], payload[:80]
        names = {name for _, told in seen.tags for name in told}
        assert not any(name.startswith("on") for name in names), payload[:80]
        assert not names & {"style", "src", "srcset", "action", "srcdoc"}, payload[:80]
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]", html), payload[:80]
        assert len(html) < 2_000_000, payload[:80]  # a million characters in sixty places, each cut


def test_the_same_text_is_read_that_was_given() -> None:
    for payload in ("<script>alert(1)</script>", "&lt;b&gt;", "{{ 7*7 }}", "\u202egnp.exe", "'\"", "漢字"):
        assert Seen(page(2, text=payload)).text.count(visible(payload)) >= 25


@settings(max_examples=30)
@given(st.text(min_size=1, max_size=60))
def test_any_text_can_be_shown(text: str) -> None:
    assert Seen(page(2, text=text, services=1)).tags


def test_half_characters_are_shown_by_their_number() -> None:
    facts = {column.name: column for column in findings_head(0).columns}
    told = Cells(Words()).finding([facts["title"]], {"title": "a\ud800b", "description": "\udfff"}, facts)
    assert "a\\ud800b" in told
    assert "\\udfff" in told


def test_nothing_is_loaded_and_only_our_script_runs() -> None:
    html = page(300, html_rows_max=100)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    style, script = (re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL) for tag in ("style", "script"))
    assert policy
    assert (len(style), len(script)) == (1, 1)
    digests = ["sha256-" + base64.b64encode(hashlib.sha256(text[0].encode()).digest()).decode() for text in (style, script)]
    told = dict(part.strip().split(" ", 1) for part in policy[1].replace("&#39;", "'").split(";"))
    assert told == {
        "default-src": "'none'", "style-src": f"'{digests[0]}'", "script-src": f"'{digests[1]}'", "img-src": "data:", "base-uri": "'none'",
        "form-action": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'",
    }  # fmt: skip
    assert not re.search(r"url\(|@import|</", style[0])
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(|fetch|XMLHttp|import\(|</", script[0])
    for tag, attributes in Seen(html).tags:
        assert not {"src", "srcset", "style", "action", "onclick"} & set(attributes)
        if tag == "a" and not str(attributes["href"]).startswith("#"):
            assert re.match(r"https?://|data:text/csv;base64,", str(attributes["href"]))
            assert "download" in attributes or attributes["rel"] == "noreferrer noopener nofollow"


def test_only_plain_web_addresses_become_links() -> None:
    plain = (
        "https://example.org/a?b=c#d",
        "http://192.0.2.1:8080/",
        "https://example.org",
        "HTTPS://EXAMPLE.ORG/",
        "https://example.org?x",
    )
    assert [one for one in plain if not web(one)] == []
    linked = {one for one in ADDRESSES if web(one)}
    assert all(re.match(r"https?://[a-z0-9.-]+(:[0-9]+)?(/[!-~]*)?\Z", one, re.IGNORECASE) for one in linked)
    assert not {"https://example.org@evil.test/", "https://еxample.test/", "https://evil.test/\u202efdp", "http:evil.test"} & set(linked)  # noqa: RUF001 - look-alike
    quoted = page(2, text='https://evil.test/"onmouseover=alert(1)')
    assert all("onmouseover" not in attributes for _, attributes in Seen(quoted).tags)


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    one, other = model.snapshot(50).getvalue(), model.snapshot(50).getvalue()
    assert one == other
    assert page(50, locale="de", time_zone="Europe/Berlin") == page(50, locale="de", time_zone="Europe/Berlin")


def test_every_finding_of_any_state_is_told_in_full() -> None:
    html = Seen(page(40)).text
    for row in model.findings(40):
        assert html.count(row["fingerprint"]) == 1
        assert row["evidence"] in html
        assert row["description"] in html


def test_executives_read_figures_pictures_and_the_gravest() -> None:
    html = page(40, audience="executive")
    seen = Seen(html)
    assert [attributes.get("id") for tag, attributes in seen.tags if tag == "section"] == [
        "overview",
        "section-1",
        "findings",
        "not-looked-at",
        "about",
    ]
    assert html.count("<article") == 10
    assert "24 more are in the report for engineers." in seen.text
    assert sum(tag == "svg" for tag, _ in seen.tags) == 3


def test_auditors_read_the_method_and_the_hash() -> None:
    spool = model.spool(5)
    html = rendered(spool, audience="auditor")[0]
    assert 'id="method"' in html
    assert "Every port was asked for a TCP connection." in html
    assert html.count(spool.sha256) == 1
    assert 'id="method"' not in page(5)


def test_rows_beyond_the_limit_are_in_the_page_as_csv() -> None:
    html, made = rendered(model.spool(450, services=120), html_rows_max=100)
    assert (made.rows_shown, made.rows_total) == (200, 570)
    assert Seen(html).text.count("CVE-2026-10000") < 3
    held = {name: list(csv.reader(io.StringIO(base64.b64decode(data).decode("utf-8-sig")))) for name, data, _ in CSV.findall(html)}
    assert {name: len(rows) - 1 for name, rows in held.items()} == {
        "findings.csv": 285,
        "findings-set-aside.csv": 65,
        "scans-services.csv": 20,
    }
    shown = set(re.findall(r'<tr id="f-([0-9a-f]+)"', html))
    rest = {row[0] for name in ("findings.csv", "findings-set-aside.csv") for row in held[name][1:]}
    assert len(shown) == 100
    assert shown | rest == {row["fingerprint"] for row in model.findings(450)}
    assert "285 more rows as CSV" in html
    assert len(made.notes) == 3


def test_formulas_in_the_csv_of_a_page_are_text() -> None:
    html, _ = rendered(model.spool(120, text="=1+1", services=0), html_rows_max=100)
    rows = [row for _, data, _ in CSV.findall(html) for row in csv.reader(io.StringIO(base64.b64decode(data).decode("utf-8-sig")))]
    assert len(rows) > 20
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)


def test_what_does_not_fit_into_the_page_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watchfloor.capabilities.reports.engine.attachment.MOST", 60_000)
    html, made = rendered(model.spool(600, services=0), html_rows_max=100)
    told = [int(one) for one in re.findall(r"(\d+) rows are in the CSV report only", html)]
    held = sum(base64.b64decode(data).count(b"\r\n") - 1 for _, data, _ in CSV.findall(html))
    assert told
    assert made.rows_shown + held + sum(told) == made.rows_total == 600


def test_no_findings_are_a_real_report() -> None:
    html = Seen(page(0, services=0)).text
    assert "No open findings. This speaks only for what was looked at." in html
    assert "What was not looked at" in html
    assert "192.0.2.7 was excluded." in html
    assert "Nothing to show." in html


def test_a_scan_that_still_runs_says_so_first() -> None:
    html = Seen(page(0, head={"state": "running"})).text
    assert html.index("State of the data: running.") < html.index("No open findings")


def test_a_comparison_counts_what_changed() -> None:
    html = page(10, head={"changes": {"new": 3, "fixed": 4}})
    assert [re.sub("<[^>]+>", " ", one).split() for one in re.findall(r'<li class="change-.*?</li>', html)] == [
        ["3", "new"],
        ["0", "returned"],
        ["0", "unchanged"],
        ["4", "fixed"],
    ]
    assert '<th scope="col" class="of-change"' in html
    assert "Compared with" not in page(10)


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ({"low": 1}, "1 open finding, neither critical nor high."),
        ({"low": 1, "info": 1}, "2 open findings, none of them critical or high."),
        ({"high": 1}, "1 of 1 open finding should be looked at first."),
        ({"critical": 900, "high": 200, "info": 34}, "1,100 of 1,134 open findings should be looked at first."),
        ({}, "No open findings. This speaks only for what was looked at."),
    ],
)
def test_the_first_sentence_sums_up(counts: dict[str, int], said: str) -> None:
    spool = model.spool(1)
    spool.head = spool.head.model_copy(update={"findings": {"open": counts, "fixed": {"high": 7}}})
    assert Page(spool, Options(), Words()).verdict == said


def test_germans_read_german_and_their_clock() -> None:
    html = page(40, locale="de", time_zone="Europe/Berlin")
    assert '<html lang="de" dir="ltr">' in html
    for told in (
        "19 von 34 offenen Befunden sollten zuerst angesehen werden.",
        "01.06.2026, 14:30 UTC+02:00",
        ">kritisch</span>",
        "Zeilen filtern",
    ):
        assert told in html


def test_right_to_left_readers_get_their_direction_and_a_note() -> None:
    html = page(3, locale="ar")
    assert '<html lang="en" dir="rtl">' in html
    assert "not translated into your language" in html
    assert "not translated" not in page(3)


def test_a_table_says_what_it_is_to_those_who_do_not_see_it() -> None:
    html = page(40, audience="auditor")
    tables = [attributes for tag, attributes in Seen(html).tags if tag == "table"]
    assert len(tables) == 6
    assert html.count("<caption") + html.count('class="numbers"') == len(tables)
    assert all(attributes.get("scope") in {"col", "row"} for tag, attributes in Seen(html).tags if tag == "th")
    named = re.findall(r'aria-labelledby="([^"]+)"', html)
    ids = re.findall(r' id="([^"]+)"', html)
    assert set(named) <= set(ids)
    assert len(ids) == len(set(ids))


def test_headings_never_skip_a_level() -> None:
    for audience in ("executive", "auditor"):
        levels = [int(tag[1]) for tag, _ in Seen(page(40, audience=audience)).tags if re.fullmatch(r"h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))


def test_a_colour_nobody_could_read_is_refused() -> None:
    with pytest.raises(InvalidInput, match="contrast"):
        page(1, theme={"accent": "#ffff00"})
    assert "--accent:#0b3d2e" in page(1, theme={"accent": "#0b3d2e"})


def test_a_logo_is_part_of_the_page_when_it_was_cleaned() -> None:
    def shown(logo: bytes) -> str:
        pieces: list[bytes] = []
        write(model.spool(1), Options(logo=True), pieces.append, logo)
        return b"".join(pieces).decode()

    assert '<img class="logo" alt="" src="data:image/png;base64,iVBORw0KGgp4">' in shown(b"\x89PNG\r\n\x1a\nx")
    drawing = clean(b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 2 1'><rect width='2' height='1'/></svg>")
    assert f'<img class="logo" alt="" src="data:image/svg+xml;base64,{base64.b64encode(drawing).decode()}">' in shown(drawing)
    assert "<img" not in shown(b"<svg onload=alert(1)>")


@pytest.mark.parametrize("locale", ["en", "de", "fr", "es"])
def test_states_begin_as_severities_do(locale: str) -> None:
    html, words = page(40, locale=locale), Words(locale)
    for told, tag in ((words.severity("false_positive"), "td"), (words.severity("open"), "dd")):
        assert f"<{tag}>{told[:1].upper()}{told[1:]}</{tag}>" in html
        assert f"<{tag}>{told[:1].lower()}{told[1:]}</{tag}>" not in html


def test_a_classification_stands_on_the_page_and_on_every_sheet() -> None:
    html = page(1, classification='SECRET";}</style><script>')
    assert html.count("<style>") == html.count("</style>") == html.count("<script>") == 1
    assert '@bottom-left{content:"SECRET\\22 \\3b \\7d \\3c \\2f style\\3e \\3c script\\3e "}' in html
