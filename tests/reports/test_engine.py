"""Facts about rendering."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime, timedelta, timezone
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.reports.engine import charts
from watchfloor.capabilities.reports.engine.document import visible
from watchfloor.capabilities.reports.engine.to_html import render_html
from watchfloor.capabilities.reports.engine.to_json import render_json
from watchfloor.capabilities.reports.schemas import Document, Figure, ReportFinding, Section, Table
from watchfloor.kernel.contract import Severity

MOMENT = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
PAYLOADS = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "'-alert(1)-'", "</style><script>1</script>", "</pre><iframe src=//evil.test>",
    "<!-- ", "]]>", "{{ 7*7 }}", "{% raw %}", "javascript:alert(1)", "\u202egnp.exe", "\x00\x1b[31m", "<svg/onload=alert(1)>", "&lt;b&gt;", "\ud800",
    "+ADw-script+AD4-", "<meta http-equiv=refresh content=0;url=//evil.test>", "<base href=//evil.test>",
]  # fmt: skip
ALLOWED_TAGS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "header",
    "div",
    "h1",
    "h2",
    "h3",
    "h4",
    "nav",
    "a",
    "main",
    "section",
    "p",
    "svg",
    "rect",
    "ul",
    "li",
    "span",
    "b",
    "dl",
    "dt",
    "dd",
    "article",
    "pre",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "footer",
}


def hostile(text: str) -> Document:
    """Return a document that holds the text wherever text can stand."""
    finding = ReportFinding(
        key="k", title=text, severity=Severity.HIGH, target=text, port=80, protocol=text, description=text, evidence=text, remedy=text,
        references=(text, text), status=text, reason=text, first_seen=MOMENT, last_seen=MOMENT,
    )  # fmt: skip
    table = Table(title=text, columns=(text, "n"), rows=((text, 1234), (None, True), ("", 1.5)), note=text)
    section = Section(
        name="scans", title=text, summary=text, figures=(Figure(label=text, value=text, note=text),), findings=(finding,),
        tables=(table, Table(title="t", columns=("a",), empty=text)), not_looked_at=(text,), method=(text,),
    )  # fmt: skip
    return Document(title=text, org=text, generated_at=MOMENT, sections=(section,), reference=text)


class Seen(HTMLParser):
    """Collects the tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep the tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Keep the text."""
        self.text += data


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_stays_text(payload: str) -> None:
    page = render_html(hostile(payload)).decode()
    plain = Seen(render_html(hostile("plain")).decode())
    seen = Seen(page)
    assert [tag for tag, _ in seen.tags] == [tag for tag, _ in plain.tags]
    assert [set(attributes) for _, attributes in seen.tags] == [set(attributes) for _, attributes in plain.tags]
    assert seen.text.count(visible(payload).strip()) >= 12
    assert {tag for tag, _ in seen.tags} <= ALLOWED_TAGS
    assert not any(character in page for character in "\x00\x1b\u202e")


@given(st.text(max_size=60))
def test_any_text_can_be_rendered(text: str) -> None:
    assert {tag for tag, _ in Seen(render_html(hostile(text)).decode()).tags} <= ALLOWED_TAGS
    assert json.loads(render_json(hostile(text)))["sections"][0]["name"] == "scans"


def test_nothing_is_loaded_and_no_script_runs() -> None:
    page = render_html(hostile("plain")).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert (
        policy[1].replace("&#39;", "'")
        == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    assert "script" not in page
    assert " style=" not in page
    for tag, attributes in Seen(page).tags:
        assert not {"src", "srcset", "action", "onclick"} & set(attributes)
        assert tag != "a" or str(attributes["href"]).startswith("#")
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def test_same_document_gives_the_same_bytes() -> None:
    assert render_html(hostile("x")) == render_html(hostile("x"))
    assert render_json(hostile("x")) == render_json(hostile("x"))


def test_order_of_findings_does_not_change_the_report() -> None:
    one, two = (
        ReportFinding(key=key, title=key, severity=severity, target="t")
        for key, severity in (("a", Severity.LOW), ("b", Severity.CRITICAL))
    )

    def document(*findings: ReportFinding) -> Document:
        return Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s", findings=findings),))

    assert render_html(document(one, two)) == render_html(document(two, one))
    assert render_json(document(one, two)) == render_json(document(two, one))
    found = json.loads(render_json(document(one, two)))
    assert [finding["key"] for finding in found["sections"][0]["findings"]] == ["b", "a"]
    assert found["findings_by_severity"] == {"critical": 1, "high": 0, "medium": 0, "low": 1, "info": 0}
    assert found["format"] == "watchfloor-report/1"


@pytest.mark.parametrize(
    ("severities", "said"),
    [
        ([], "No findings."),
        ([Severity.LOW], "1 finding, none"),
        ([Severity.LOW, Severity.INFO], "2 findings, none"),
        ([Severity.HIGH], "1 of 1 finding should"),
        ([Severity.CRITICAL, Severity.HIGH, Severity.INFO], "2 of 3 findings"),
    ],
)
def test_first_sentence_sums_up(severities: list[Severity], said: str) -> None:
    findings = tuple(ReportFinding(key=str(place), title="t", severity=severity, target="t") for place, severity in enumerate(severities))
    document = Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s", findings=findings),))
    assert said in render_html(document).decode()


def test_what_is_set_aside_is_listed_and_not_counted() -> None:
    findings = tuple(
        ReportFinding(key=status, title=f"a {status} one", severity=Severity.HIGH, target="t", status=status, reason=f"why {status}")
        for status in ("open", "accepted", "false positive", "fixed")
    )
    document = Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s", findings=findings),))
    page = Seen(render_html(document).decode()).text
    assert "1 of 1 finding should be looked at first." in page
    assert page.index("a open one") < page.index("Set aside") < page.index("a accepted one")
    assert all(f"why {finding.status}" in page for finding in findings)
    assert json.loads(render_json(document))["findings_by_severity"]["high"] == 1


def test_references_and_description_are_told() -> None:
    finding = ReportFinding(
        key="k", title="t", severity=Severity.LOW, target="192.0.2.1", port=53, protocol="udp", description="Anybody may ask.",
        references=("https://example.org/a", "RFC 5358"), last_seen=MOMENT,
    )  # fmt: skip
    document = Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s", findings=(finding,)),))
    page = Seen(render_html(document).decode()).text
    for part in ("udp/53", "Anybody may ask.", "https://example.org/a", "RFC 5358", "last seen 01 June 2026, 12:30 UTC"):
        assert part in page, part


def test_empty_document_is_a_whole_page() -> None:
    page = render_html(Document(title="Nothing", org="o", generated_at=MOMENT)).decode()
    assert "This report has no sections." in page
    assert page.rstrip().endswith("</html>")


def test_what_was_not_looked_at_is_always_said() -> None:
    document = Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s"),))
    assert "What was not looked at" in render_html(document).decode()


def test_moments_are_shown_in_utc() -> None:
    elsewhere = datetime(2026, 6, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    assert "01 June 2026, 12:30 UTC" in render_html(Document(title="t", org="o", generated_at=elsewhere)).decode()


def test_cells_are_readable() -> None:
    page = render_html(hostile("plain")).decode()
    assert '<td class="number">1,234</td>' in page
    assert "<td>yes</td>" in page
    assert "<td>\N{EN DASH}</td>" in page
    rows = Table(title="t", columns=("a",), rows=((False,),))
    document = Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s", tables=(rows,)),))
    assert "<td>no</td>" in render_html(document).decode()


@given(st.dictionaries(st.sampled_from(list(Severity)), st.integers(0, 10_000)))
def test_bar_is_full_and_every_severity_is_seen(counts: dict[Severity, int]) -> None:
    found = [
        (name, int(x), int(width))
        for name, x, width in re.findall(r'class="fill-(\w+)" x="(\d+)" y="0" width="(\d+)"', charts.severity_bar(counts))
    ]
    shown = found[1:]
    present = [str(severity) for severity in charts.WORST_FIRST if counts.get(severity)]
    assert [name for name, _, _ in shown] == present
    assert all(width >= charts.LEAST for _, _, width in shown)
    assert sum(width for _, _, width in shown) == (charts.WIDTH if present else 0)
    assert [x for _, x, _ in shown] == [sum(width for _, _, width in shown[:place]) for place in range(len(shown))]


def test_ten_thousand_findings_render() -> None:
    findings = tuple(
        ReportFinding(key=f"{place:05}", title="t", severity=Severity.LOW, target="10.0.0.1", port=80) for place in range(10_000)
    )
    document = Document(title="t", org="o", generated_at=MOMENT, sections=(Section(name="s", title="s", findings=findings),))
    assert render_html(document).count(b"<article") == 10_000
