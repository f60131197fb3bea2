"""Facts about reports as SARIF, CycloneDX, OpenVEX, CSAF and JSON: their official schemas, limits and hostile texts."""

from __future__ import annotations

import io
import json
import random
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
from csaf.csaf.v20 import validate as csaf_validate  # type: ignore[import-untyped]  # it has no types
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from tests.reports import model
from tests.reports.corpus import PAYLOADS
from watchfloor.capabilities.reports.engine import to_csaf, to_cyclonedx, to_json, to_openvex, to_sarif
from watchfloor.capabilities.reports.engine.spool import Spool, Spooling
from watchfloor.capabilities.reports.engine.vex import Status, claim, claims, is_address, is_cpe
from watchfloor.capabilities.reports.schemas.snapshot import Head, Options
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.sections import Scope

AUTHOR = Options(author="Example Ltd", author_url="https://example.org")
RECORDED = Path(__file__).parents[1] / "recorded" / "schemas"
WRITERS: dict[str, Any] = {"sarif": to_sarif, "cyclonedx": to_cyclonedx, "openvex": to_openvex, "csaf": to_csaf, "json": to_json}
SARIF = jsonschema.Draft4Validator(json.loads((RECORDED / "sarif-2.1.0.json").read_text()))
OPENVEX = jsonschema.Draft202012Validator(json.loads((RECORDED / "openvex-0.2.0.json").read_text()))
OURS = jsonschema.Draft202012Validator(
    json.loads(resources.files("watchfloor.capabilities.reports.engine").joinpath("schemas/report.schema.json").read_text())
)
CYCLONEDX = JsonStrictValidator(SchemaVersion.V1_6)


def written(name: str, count: int = 40, rows: list[dict[str, Any]] | None = None, **options: Any) -> dict[str, Any]:
    return written_of(name, model.spool(count, **options) if rows is None else of_rows(rows))


def written_of(name: str, held: Spool) -> dict[str, Any]:
    out = bytearray()
    WRITERS[name].write(held, AUTHOR, out.extend)
    return json.loads(bytes(out).decode())  # type: ignore[no-any-return]  # an object


def of_rows(rows: list[dict[str, Any]]) -> Spool:
    """Return a snapshot of these findings alone."""
    held, out = io.BytesIO(), io.BytesIO()
    spooling = Spooling(held)
    for row in rows:
        spooling.add("findings", row)
    spooling.close(
        Head(scope=Scope(kind="scan", scan=model.SCAN), as_of=model.AS_OF, org="Example Ltd", org_id=model.ORG, title="T", rows=len(rows)),
        out,
    )
    return Spool(out)


def finding(n: int = 0, **cells: Any) -> dict[str, Any]:
    return {**model.row(n, random.Random(n)), **cells}  # noqa: S311 - a model, not a secret


def troubles(name: str, told: dict[str, Any]) -> list[str]:
    """Return what the official schema, and for CSAF its mandatory tests, say against a document."""
    if name == "cyclonedx":
        return [str(one) for one in CYCLONEDX.validate_str(json.dumps(told), all_errors=True) or ()]
    if name == "csaf":
        return [
            f"{one.id} {error.instance_path}: {error.message}"
            for one in csaf_validate(told, preset="mandatory").results
            for error in one.errors
        ]
    return [
        f"{list(one.absolute_path)}: {one.message[:200]}"
        for one in {"sarif": SARIF, "openvex": OPENVEX, "json": OURS}[name].iter_errors(told)
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_a_report_keeps_the_official_schema(name: str) -> None:
    assert troubles(name, written(name)) == []


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "openvex"])
def test_a_report_of_nothing_keeps_the_schema(name: str) -> None:
    assert troubles(name, written(name, count=0, services=0)) == []


@pytest.mark.parametrize("name", WRITERS)
def test_the_schema_stops_a_document_without_its_head(name: str) -> None:
    told = written(name)
    for key in ("version", "bomFormat", "@id", "document", "schema"):
        told.pop(key, None)
    assert troubles(name, told)


@pytest.mark.no_cover  # each text walks the same lines
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_hostile_text_keeps_every_schema(payload: str) -> None:
    held = model.spool(4, services=1, text=payload)
    for name in WRITERS:
        assert troubles(name, written_of(name, held)) == [], name


def test_csaf_without_its_author_is_refused_before_a_byte() -> None:
    out = bytearray()
    with pytest.raises(InvalidInput, match="publisher"):
        to_csaf.write(model.spool(3), Options(), out.extend)
    assert not out


def test_openvex_of_no_cve_is_refused_before_a_byte() -> None:
    out = bytearray()
    with pytest.raises(InvalidInput, match="CVE"):
        to_openvex.write(model.spool(0), AUTHOR, out.extend)
    assert not out


@pytest.mark.parametrize(
    ("cells", "status", "words"),
    [
        ({"state": "open"}, Status.AFFECTED, "Switch TLS"),
        ({"state": "open", "remedy": ""}, Status.AFFECTED, "No remedy"),
        ({"state": "fixed"}, Status.FIXED, ""),
        ({"state": "accepted", "reason": "Behind a wall.", "accepted_until": None}, Status.AFFECTED, "accepted for now. Behind a wall."),
        ({"state": "accepted", "reason": "", "accepted_until": "2027-01-01"}, Status.AFFECTED, "accepted until 2027-01-01"),
        ({"state": "false_positive", "reason": "Backported."}, Status.NOT_AFFECTED, "Backported."),
        ({"state": "false_positive", "reason": None}, Status.NOT_AFFECTED, "Judged a false positive"),
        (dict.fromkeys(("evidence", "product", "version", "cpe", "fixed_in", "remedy")), Status.UNDER_INVESTIGATION, ""),
        ({"state": "unknown"}, Status.UNDER_INVESTIGATION, ""),
        ({"state": None}, Status.UNDER_INVESTIGATION, ""),
    ],
)
def test_states_of_findings_become_claims(cells: dict[str, Any], status: Status, words: str) -> None:
    told = claim(finding(0, **{"state": "open", **cells}))
    assert told.status is status
    assert words in told.action + told.impact


def test_only_a_judgement_makes_not_affected() -> None:
    rows = [finding(0, state=state) for state in ("open", "fixed", "accepted", "unknown", "", None)]
    assert all(claim(row).status is not Status.NOT_AFFECTED for row in rows)


def test_the_gravest_claim_about_one_place_holds() -> None:
    rows = [finding(0, state=state) for state in ("false_positive", "fixed", "open")]
    (one,) = claims(rows).vulnerabilities
    assert [told.status for told in one.claims.values()] == [Status.AFFECTED]
    assert troubles("csaf", written("csaf", rows=rows)) == []


def test_findings_without_a_cve_make_no_claim() -> None:
    assert claims([finding(1), finding(2), finding(0, cve=["CVE-2026-0000'; --"])]) == ([], 0)


@pytest.mark.parametrize(
    "text", ["cpe:2.3:a:example:server:1.0:*:*:*:*:*:*:*", r"cpe:2.3:a:e\:x:s\!:-:*:*:en-us:*:*:*:*", "cpe:2.3:o:a:b:?1*:*:*:*:*:*:*:*"]
)
def test_cpe_names_are_known(text: str) -> None:
    assert is_cpe(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cpe:/a:x:y",
        "cpe:2.3:a:*",
        "cpe:2.3:x:a:b:1:*:*:*:*:*:*:*",
        "cpe:2.3:a:a b:b:1:*:*:*:*:*:*:*",
        "cpe:2.3:a:a:b:1:*:*:*:*:*:*:*\n",
    ],
)
def test_other_names_are_no_cpe(text: str) -> None:
    assert not is_cpe(text)


def test_addresses_are_plain_or_none() -> None:
    assert is_address("https://nvd.nist.gov/vuln/detail/CVE-2026-1")
    assert not any(
        is_address(one) for one in ("javascript:alert(1)", "https://x y", "https://x/%zz", "//x", "https://x/<b>", "https://x\n")
    )


def test_sarif_says_what_github_reads() -> None:
    told = written(
        "sarif", rows=[finding(0, severity="critical"), finding(4, severity="low"), finding(1, state="accepted", reason="Known.")]
    )
    (run,) = told["runs"]
    rules, results = run["tool"]["driver"]["rules"], run["results"]
    assert len({rule["id"] for rule in rules}) == len(rules) == 3
    assert [results[n]["level"] for n in range(2)] == ["error", "note"]
    assert rules[0]["properties"]["security-severity"] == "9.5"
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in results)
    assert len({one["partialFingerprints"]["primaryLocationLineHash"] for one in results}) == 3
    assert results[2]["suppressions"][0]["justification"] == "Known."
    assert results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].startswith("targets/192.0.2.1/")


def test_sarif_tells_a_comparison() -> None:
    rows = [
        finding(n, change=change, state="fixed" if change == "fixed" else "open")
        for n, change in enumerate(("new", "returned", "unchanged", "fixed", "unknown"))
    ]
    assert [one.get("baselineState") for one in written("sarif", rows=rows)["runs"][0]["results"]] == [
        "new",
        "new",
        "unchanged",
        "absent",
        None,
    ]


def test_sarif_lists_what_is_fixed_only_in_a_comparison() -> None:
    out = bytearray()
    made = to_sarif.write(of_rows([finding(0, state="fixed"), finding(1, state="open")]), AUTHOR, out.extend)
    assert (made.rows_shown, made.rows_total, len(made.notes)) == (1, 2, 1)


@pytest.mark.parametrize(("count", "sizes"), [(9, [9]), (10, [10]), (11, [10, 1]), (20, [10, 10]), (21, [10, 10, 1])])
def test_sarif_splits_runs_at_the_limit(monkeypatch: pytest.MonkeyPatch, count: int, sizes: list[int]) -> None:
    monkeypatch.setattr(to_sarif, "RESULTS_PER_RUN", 10)
    told = written("sarif", rows=[finding(n, state="open") for n in range(count)])
    assert [len(run["results"]) for run in told["runs"]] == sizes
    assert all(one["ruleIndex"] < len(run["tool"]["driver"]["rules"]) for run in told["runs"] for one in run["results"])
    assert troubles("sarif", told) == []


def test_json_keeps_every_digit_of_a_large_number() -> None:
    found = written("json", rows=[finding(0, priority=2**60)])["findings"]
    assert found[0]["priority"] == str(2**60)
    assert troubles("json", written("json", rows=[finding(0, priority=2**60)])) == []


def test_the_mandatory_tests_of_csaf_are_run() -> None:
    told = written("csaf")
    told["vulnerabilities"][0]["product_status"] = {"fixed": ["nowhere"], "known_not_affected": ["nowhere"]}
    assert {"6.1.1", "6.1.6"} <= {trouble.split()[0].removeprefix("mandatory-") for trouble in troubles("csaf", told)}, troubles(
        "csaf", told
    )
