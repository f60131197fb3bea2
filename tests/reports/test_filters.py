"""Facts about reports that list some findings, and about presets that say which."""

from __future__ import annotations

import csv
import html
import io
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pypdfium2
import pytest

from tests.reports import model
from tests.reports.boxes import Boxes, make
from watchfloor.capabilities.reports.engine import filtered, spec, to_html
from watchfloor.capabilities.reports.engine.spool import Spooling
from watchfloor.capabilities.reports.engine.words import Words
from watchfloor.capabilities.reports.queries.presets import set_preset
from watchfloor.capabilities.reports.schemas.requests import PresetWish
from watchfloor.capabilities.reports.schemas.snapshot import Options, SectionHead
from watchfloor.catalog import CATALOG
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings import ledger as findings
from watchfloor.kernel.sections import EVERYBODY, SEVERITIES, FindingFilter, Scope

if TYPE_CHECKING:
    from tests.reports.world import World
    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.schemas.snapshot import Head
    from watchfloor.kernel.sandbox import zygote

PUBLISHED = ["pdf", "html", "json", "csv", "xlsx", "sarif", "cyclonedx", "openvex", "csaf"]


def made_of(world: World, scan: UUID, **wish: Any) -> dict[str, Any]:
    """Make a JSON report and return what it says."""
    found = world.done("reports.generate_report", scan_id=str(scan), format="json", **wish)
    return json.loads(world.stored(UUID(found["report_id"])))  # type: ignore[no-any-return]  # an object


def listed(told: dict[str, Any]) -> set[str]:
    return {row["title"] for row in told["findings"]}


def found_elsewhere(world: World, scan: UUID) -> None:
    """Write down what another capability found at the scan's asset: known to be exploited."""
    with world.ledger.database.transaction(world.org) as session:
        asset = wire_of(session).execute("select asset from host where org = %s and scan = %s", (world.org, scan)).fetchone()
        assert asset is not None
        findings.record(
            session, world.org, key="advisories:CVE-2026-0009", capability="advisories", check="CVE-2026-0009", asset=asset[0], target="192.0.2.7",
            port=443, title="Exploited", severity=Severity.LOW, evidence={"cve": "CVE-2026-0009", "kev": True}, remedy="Mend it.", job=None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({"min_severity": "high"}, {"Finding 3", "Finding 4"}),
        ({"states": ["false_positive"]}, {"judged"}),
        ({"capabilities": ["advisories"]}, {"Exploited"}),
        ({"known_exploited": True}, {"Exploited"}),
        ({"known_exploited": True, "min_severity": "high"}, set()),
    ],
)
def test_only_what_passes_the_filter_is_in_the_snapshot(world: World, filters: dict[str, Any], titles: set[str]) -> None:
    scan = world.scan(findings=5)
    found_elsewhere(world, scan)
    world.accept_one(scan)
    ((judged,),) = world.ask("select title from finding where org = %s and state = 'false_positive'", world.org)
    told = made_of(world, scan, filters=filters)
    assert listed(told) == {judged if one == "judged" else one for one in titles}
    assert sum(sum(counts.values()) for counts in told["counts"].values()) == len(titles)
    assert sum(told["unlisted"].values()) == 6 - len(titles)
    assert "Only findings that pass this filter" in told["filtered"]


def test_a_filter_that_lists_everything_is_none(world: World) -> None:
    scan = world.scan(findings=2)
    whole = world.done("reports.generate_report", scan_id=str(scan), format="json")
    states = ["open", "fixed", "accepted", "false_positive"]
    for filters in ({}, {"min_severity": "info"}, {"states": states}, {"known_exploited": False}):
        again = world.done("reports.generate_report", scan_id=str(scan), format="json", filters=filters)
        assert (again["report_id"], again["reused"]) == (whole["report_id"], True)
    sections = [name for name, one in CATALOG.sections().items() if one.audiences == EVERYBODY]
    again = world.done("reports.generate_report", scan_id=str(scan), format="json", sections=sections)
    assert again["report_id"] == whole["report_id"]


def test_another_filter_or_choice_of_sections_is_another_snapshot_and_report(world: World) -> None:
    scan = world.scan(findings=5)
    wishes: list[dict[str, Any]] = [
        {}, {"filters": {"min_severity": "high"}}, {"filters": {"min_severity": "low"}}, {"sections": ["scans"]}, {"sections": ["advisories"]},
    ]  # fmt: skip
    reports = [world.done("reports.generate_report", scan_id=str(scan), format="json", **one)["report_id"] for one in wishes]
    assert len(set(reports)) == len(wishes)
    assert world.ask("select count(distinct scope_hash), count(*) from report_snapshot") == [(len(wishes), len(wishes))]
    again = world.done("reports.generate_report", scan_id=str(scan), format="json", **wishes[1])
    assert (again["report_id"], again["reused"]) == (reports[1], True)


def test_what_is_neither_filtered_nor_chosen_has_the_hashes_that_it_always_had() -> None:
    scope = Scope(kind="scan", scan=model.SCAN)
    assert spec.scope_hash(scope).hex() == "1b714bce11f7ba831b164bb5ec02ca34b99d2d80ebad43486f63b9c2e6e830da"
    assert model.spool(5).sha256 == "6f60c20ec0c453f56ee51b654a6dd5246f20f40e25d7074727e0b27ab9faa888"
    others = [
        Scope(kind="scan", scan=model.SCAN, filters=FindingFilter(min_severity="high")),
        Scope(kind="scan", scan=model.SCAN, filters=FindingFilter(known_exploited=True)), Scope(kind="scan", scan=model.SCAN, sections=("scans",)),
    ]  # fmt: skip
    assert len({spec.scope_hash(one) for one in (scope, *others)}) == 4


def test_filters_rank_severities_as_findings_do() -> None:
    assert tuple(str(one) for one in sorted(Severity, key=lambda one: one.rank)) == SEVERITIES


def test_a_section_that_was_not_asked_for_tells_only_what_it_did_not_look_at(world: World) -> None:
    scan = world.scan(findings=3)
    world.ask("update scan set state = 'cancelled', not_looked_at = '[\"192.0.2.9 was excluded.\"]' where id = %s", scan)
    whole, told = made_of(world, scan), made_of(world, scan, sections=["advisories"])
    before, after = ({one["name"]: one for one in report["sections"]}["scans"] for report in (whole, told))
    assert (before["state"], bool(before["tables"]), bool(before["figures"])) == ("cancelled", True, True)
    assert (after["state"], after["tables"], after["figures"], after["charts"]) == ("cancelled", [], [], [])
    assert after["not_looked_at"] == before["not_looked_at"] == ["192.0.2.9 was excluded."]
    assert (told["state"], told["title"], listed(told)) == (whole["state"], whole["title"], listed(whole))
    assert told["tables"] == {}


def test_every_format_of_a_filtered_report_lists_the_same(world: World) -> None:
    scan = world.scan(findings=5)
    found_elsewhere(world, scan)
    several = world.done(
        "reports.generate_multiple_reports", scan_id=str(scan), formats=PUBLISHED, filters={"capabilities": ["advisories"]}
    )
    assert [one["error"] for one in several["reports"] if one["error"]] == []
    content = {one["format"]: world.stored(UUID(one["report_id"])) for one in several["reports"]}
    assert [row["title"] for row in csv.DictReader(io.StringIO(content["csv"].decode("utf-8-sig")))] == ["Exploited"]
    assert [one["ruleId"] for one in json.loads(content["sarif"])["runs"][0]["results"]] == ["CVE-2026-0009"]
    assert [one["id"] for one in json.loads(content["cyclonedx"])["vulnerabilities"]] == ["CVE-2026-0009"]
    assert [one["vulnerability"]["name"] for one in json.loads(content["openvex"])["statements"]] == ["CVE-2026-0009"]
    assert [one["cve"] for one in json.loads(content["csaf"])["vulnerabilities"]] == ["CVE-2026-0009"]
    for format_ in PUBLISHED:
        assert b"Finding 1" not in content[format_], format_
    for format_ in ("html", "json", "sarif", "cyclonedx", "openvex", "csaf"):
        assert b"Found by: advisories" in content[format_], format_
        assert b"5 findings do not pass." in content[format_], format_
    assert all("-filtered-" in one["file_path"] for one in several["reports"])
    for report, notes in world.ask("select id, notes from report"):
        assert any("5 findings do not pass." in note for note in notes), report


@pytest.mark.parametrize("format_", ["html", "json"])
def test_a_filtered_report_verifies_and_renders_again_to_the_same_bytes(world: World, format_: str) -> None:
    wish: dict[str, Any] = {"filters": {"min_severity": "high"}, "sections": ["scans"]}
    made = world.done("reports.generate_report", scan_id=str(world.scan(findings=5)), format=format_, **wish)
    proof = world.done("reports.verify_report", report_id=made["report_id"], rerender=True)
    assert (proof["file_ok"], proof["signature_ok"], proof["rerender_equal"]) == (True, True, True)


def test_a_decision_about_what_is_not_listed_is_counted_in_the_next_report(world: World) -> None:
    scan = world.scan(findings=5)
    before = made_of(world, scan, filters={"min_severity": "critical"})
    world.ask("update finding set state = 'false_positive', reason = 'looked at' where org = %s and severity = 'info'", world.org)
    after = made_of(world, scan, filters={"min_severity": "critical"})
    assert (before["unlisted"], after["unlisted"]) == ({"open": 4}, {"false_positive": 1, "open": 3})


def test_another_organisations_capabilities_are_unknown(world: World) -> None:
    other = world.elsewhere()
    other.scan(findings=1)
    other.ask("update finding set capability = 'theirs' where org = %s", other.org)
    scan = str(world.scan())
    said = world.failed("reports.generate_report", scan_id=scan, format="json", filters={"capabilities": ["theirs"]})
    assert "there are: advisories, reports, scans" in said
    world.ask("update finding set capability = 'ours' where org = %s and severity = 'low'", world.org)
    assert listed(made_of(world, UUID(scan), filters={"capabilities": ["ours"]})) == {"Finding 1"}


def test_the_formats_of_a_preset_are_made_where_none_are_named(world: World) -> None:
    scan = str(world.scan(findings=2))
    preset(world, "audit", {"formats": ["csv", "json"], "filters": {"min_severity": "low"}})
    several = world.done("reports.generate_multiple_reports", scan_id=scan, preset="audit")
    assert [one["format"] for one in several["reports"]] == ["csv", "json"]
    named = world.done("reports.generate_multiple_reports", scan_id=scan, preset="audit", formats=["sarif"])
    assert [one["format"] for one in named["reports"]] == ["sarif"]
    weekly = world.done("reports.weekly_vulnerability_report", preset="audit")
    assert [one["format"] for one in weekly["reports"]] == ["csv", "json"]


def test_what_a_request_says_of_a_filter_comes_before_what_its_preset_says(world: World) -> None:
    scan = world.scan(findings=5)
    preset(world, "grave", {"filters": {"min_severity": "high", "capabilities": ["scans"]}})
    assert listed(made_of(world, scan, preset="grave")) == {"Finding 3", "Finding 4"}
    told = made_of(world, scan, preset="grave", filters={"min_severity": "critical"})
    assert (listed(told), told["scope"]["filters"]["capabilities"]) == ({"Finding 4"}, ["scans"])


def test_the_course_of_findings_is_that_of_those_listed(world: World) -> None:
    scan = world.scan(findings=5)
    found_elsewhere(world, scan)

    def course(**wish: Any) -> tuple[Any, ...]:
        found = world.done("reports.generate_report", tag="shop", format="json", **wish)
        told = json.loads(world.stored(UUID(found["report_id"])))
        own = next(one for one in told["sections"] if one["name"] == "reports")
        figures = {one["label"]: one["value"] for one in own["figures"]}
        series = [one["label"] for chart in own["charts"] for one in chart["series"]]
        return figures["Findings that came"], series, [row["open"] for row in told["tables"]["reports.assets"]]

    assert course() == (6, ["critical", "high", "medium", "low", "info"], [6])
    assert course(filters={"min_severity": "high"}) == (2, ["critical", "high"], [2])
    assert course(filters={"known_exploited": True}) == (1, ["low"], [1])
    assert course(filters={"states": ["fixed"]})[1:] == ([], [None])


def test_what_changed_names_only_findings_that_are_listed(world: World) -> None:
    base = world.scan(findings=1)
    world.ask(
        "update scan set started_at = started_at - interval '1 hour', finished_at = finished_at - interval '1 hour' where id = %s", base
    )
    scan = world.scan(findings=5, base=base)
    world.ask("update scan set finished_at = wf_now() where id = %s", scan)
    whole, told = made_of(world, scan), made_of(world, scan, filters={"min_severity": "critical"})
    named = [{row["now"] for row in one["tables"]["scans.changes"] if row["what"] == "Finding"} for one in (whole, told)]
    assert named == [{f"Finding {n}" for n in range(5)}, {"Finding 4"}]


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"sections": ["nobody"]}, "there is no section 'nobody'; the sections there are: advisories, reports, scans"),
        (
            {"filters": {"capabilities": ["nobody"]}},
            "there is no capability 'nobody'; the capabilities there are: advisories, reports, scans",
        ),
    ],
)
def test_a_job_that_asks_for_what_there_is_not_fails_at_once(world: World, wish: dict[str, Any], said: str) -> None:
    assert said in world.failed("reports.generate_report", scan_id=str(world.scan()), format="json", **wish)


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_pages_say_that_and_how_they_are_filtered(language: str) -> None:
    words = Words(language)
    held = model.spool(
        0,
        services=0,
        scope=Scope(kind="scan", scan=model.SCAN, filters=FindingFilter(min_severity="high", states=("open",))),
        unlisted={"fixed": 2, "open": 1},
    )
    said = filtered.told(held.head, words)
    assert all(part in said for part in (words.severity("high"), words.severity("open"), "3", "1"))
    page = page_of(held, locale=language)
    assert said in page
    assert words("No open finding passes this report's filter. It does not say that there are none.") in page
    assert words("No open findings. This speaks only for what was looked at.") not in page


@pytest.mark.parametrize("language", ["en", "de", "es", "fr"])
def test_pdfs_say_that_and_how_they_are_filtered(language: str, nursery: zygote.Zygote) -> None:
    scope = Scope(kind="scan", scan=model.SCAN, filters=FindingFilter(capabilities=("advisories",)))
    content, _ = make(Boxes(nursery.address), model.snapshot(0, services=0, scope=scope, unlisted={"open": 7}).getvalue(), locale=language)
    words = Words(language)
    pages = [" ".join(one.get_textpage().get_text_range().split()) for one in pypdfium2.PdfDocument(content)]
    count = words.counted(7, "{count} finding does not pass.", "{count} findings do not pass.")
    assert [count in pages[n] for n in (0, 1, -1)] == [True, True, True]  # cover, summary, and what is shown here
    assert words("No open finding passes this report's filter. It does not say that there are none.") in pages[1]
    assert all(words("No open findings. This speaks only for what was looked at.") not in page for page in pages)


def test_a_report_that_lists_no_open_findings_does_not_say_that_there_are_none() -> None:
    held = model.spool(0, services=0, scope=Scope(kind="scan", scan=model.SCAN, filters=FindingFilter(states=("fixed",))))
    assert "Open findings are not listed in this report." in page_of(held)


def test_the_first_sentence_about_some_findings_says_that_it_is_about_some() -> None:
    filters = FindingFilter(capabilities=("scans",))
    page = page_of(model.spool(9, scope=Scope(kind="scan", scan=model.SCAN, filters=filters)))
    assert '<p class="verdict">Of what passes the filter: ' in page


def of_one_section() -> Head:
    """Return the head of a report whose only section was not asked for."""
    whole = model.spool(2, services=0).head
    (section,) = whole.sections
    left = SectionHead(name=section.name, title=section.title, audiences=frozenset(), not_looked_at=section.not_looked_at)
    return whole.model_copy(update={"scope": Scope(kind="scan", scan=model.SCAN, sections=("advisories",)), "sections": (left,)})


def test_a_page_names_the_sections_that_nobody_asked_for() -> None:
    held = model.spool(2, services=0)
    held.head = of_one_section()
    page = page_of(held)
    assert "These sections were not asked for: Exposed services." in page
    assert "192.0.2.7 was excluded." in page


def test_a_pdf_names_the_sections_that_nobody_asked_for(nursery: zygote.Zygote) -> None:
    out = io.BytesIO()
    Spooling(io.BytesIO()).close(of_one_section(), out)
    content, _ = make(Boxes(nursery.address), out.getvalue())
    pages = [" ".join(one.get_textpage().get_text_range().split()) for one in pypdfium2.PdfDocument(content)]
    assert ["These sections were not asked for: Exposed services." in page for page in pages] == [False, True, True]
    assert "192.0.2.7 was excluded." in pages[-1]


def page_of(held: Spool, **options: Any) -> str:
    out = bytearray()
    to_html.write(held, Options(**options), out.extend)
    return html.unescape(out.decode())


def preset(world: World, name: str, wish: dict[str, Any]) -> None:
    """Write a preset down."""
    with world.ledger.database.transaction(world.org) as session:
        set_preset(session, world.org, name, PresetWish.model_validate(wish), actor="tests")
