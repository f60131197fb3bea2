"""Render findings as SARIF 2.1.0, in the part of it that GitHub's code scanning takes: rules once a run, fingerprints, severities. Pure.

A finding is at a network target, not in a file: its location is a relative address made of the target's name, which the location's message says,
and a logical location names the target itself.
"""

from __future__ import annotations

import itertools
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from watchfloor.capabilities.reports.engine.filtered import plain
from watchfloor.capabilities.reports.engine.machine import TOOL, VERSION, moment, piece
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.text import visible
from watchfloor.capabilities.reports.engine.vex import document_id, is_address, where
from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.schemas.snapshot import Head, Options

SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# GitHub refuses more: https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit
RESULTS_PER_RUN: Final = 25_000
RUNS: Final = 20
LEVELS: Final = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
# The middle of GitHub's bands: above 9 critical, 7 high, 4 medium, 0.1 low.
SCORES: Final = {"critical": "9.5", "high": "8.0", "medium": "5.5", "low": "2.0", "info": "0.0"}
BASELINES: Final = {"new": "new", "returned": "new", "unchanged": "unchanged", "fixed": "absent"}
JUDGED: Final = frozenset({"accepted", "false_positive"})
TEXT_MAX: Final = 1000
PLACEHOLDER: Final = re.compile(r"\{([0-9]{1,9})\}", re.ASCII)


def write(spool: Spool, options: Options, out: Callable[[bytes], None]) -> Rendered:
    """Write one log; more than 25,000 results go into several runs, gravest first. What is fixed is a result only in a comparison."""
    del options  # machines read it
    results = (row for row in spool.rows(FINDINGS) if row.get("state") != "fixed" or row.get("change"))
    out(b'{"$schema":' + piece(SCHEMA) + b',"version":"2.1.0","runs":[')
    shown = number = 0
    row = next(results, None)
    while row is not None or number == 0:
        part = itertools.islice(itertools.chain([row] if row is not None else [], results), RESULTS_PER_RUN)
        out(b"," if number else b"")
        shown += _run(spool, number, part, out)
        number += 1
        row = next(results, None)
    out(b"]}\n")
    return Rendered(
        rows_shown=shown, rows_total=spool.counts.get(FINDINGS, 0), notes=tuple(_notes(shown, number, spool.counts.get(FINDINGS, 0)))
    )


def _notes(shown: int, runs: int, total: int) -> Iterator[str]:
    if shown < total:
        yield f"{total - shown} findings are fixed: SARIF lists what is there"
    if runs > RUNS:
        yield f"This file has {runs} runs; GitHub takes at most {RUNS}"


def _run(spool: Spool, number: int, rows: Iterator[dict[str, Any]], out: Callable[[bytes], None]) -> int:
    """Write one run: results first, because the rules are known only after them."""
    rules: dict[str, dict[str, Any]] = {}
    indexes: dict[str, int] = {}
    out(b'{"results":[')
    count = 0
    for row in rows:
        rule = _rule_id(row)
        if rule not in rules:
            indexes[rule] = len(rules)
            rules[rule] = _rule(rule, row)
        out((b",\n" if count else b"\n") + piece(_result(rule, indexes[rule], row)))
        count += 1
    head = spool.head
    scope = head.scope
    told = {
        "automationDetails": {"id": f"{TOOL.lower()}/{scope.kind}/{number + 1}", "guid": document_id(spool.sha256)},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(head)],
        "properties": {"snapshot": spool.sha256, "asOf": moment(head.as_of), "subject": visible(head.subject), "state": head.state},
        "tool": {"driver": {"name": TOOL, "semanticVersion": VERSION, "rules": list(rules.values())}},
    }  # fmt: skip
    out(b"]," + piece(told)[1:])
    return count


def _invocation(head: Head) -> dict[str, Any]:
    told: dict[str, Any] = {"executionSuccessful": True, "endTimeUtc": moment(head.as_of)}
    said = plain(head)
    return {**told, "toolExecutionNotifications": [{"level": "note", "message": {"text": said}}]} if said else told


def _rule_id(row: Mapping[str, Any]) -> str:
    return visible(str(row.get("check") or "finding"))[:255].strip() or "finding"


def _rule(rule: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule as its gravest finding, which comes first, describes it."""
    title, severity = _text(row.get("title")) or rule, str(row.get("severity"))
    told: dict[str, Any] = {
        "id": rule, "shortDescription": {"text": title[:255]}, "fullDescription": {"text": _text(row.get("description")) or title},
        "defaultConfiguration": {"level": LEVELS.get(severity, "note")}, "help": {"text": _text(row.get("remedy")) or "No remedy is recorded."},
        "properties": {"security-severity": SCORES.get(severity, "0.0"), "tags": ["security", *_tags(row)]},
    }  # fmt: skip
    addresses = [one for one in row.get("references") or () if isinstance(one, str) and is_address(one)]
    return {**told, "helpUri": addresses[0]} if addresses else told


def _tags(row: Mapping[str, Any]) -> list[str]:
    return [visible(one)[:50] for one in row.get("cve") or () if isinstance(one, str)][:9]


def _result(rule: str, index: int, row: Mapping[str, Any]) -> dict[str, Any]:
    severity = str(row.get("severity"))
    told: dict[str, Any] = {
        "ruleId": rule, "ruleIndex": index, "level": LEVELS.get(severity, "note"), "message": {"text": _message(row) or rule},
        "locations": [_location(*where(row))], "partialFingerprints": _fingerprints(str(row.get("fingerprint") or "")),
        "properties": {
            name: row[name] for name in ("priority", "state", "change", "kev", "port", "first_seen", "last_seen", "fixed_at", "accepted_until") if row.get(name) is not None
        } | {"severity": severity},
    }  # fmt: skip
    if row.get("change") in BASELINES:
        told["baselineState"] = BASELINES[row["change"]]
    if row.get("state") in JUDGED:
        told["suppressions"] = [
            {"kind": "external", "status": "accepted", "justification": _text(row.get("reason")) or f"Judged: {row['state']}."}
        ]
    return told


def _fingerprints(fingerprint: str) -> dict[str, str]:
    """Return our fingerprint, also under the only name that GitHub compares."""
    return {"primaryLocationLineHash": f"{fingerprint}:1", "watchfloorFinding/v1": fingerprint}


@lru_cache(maxsize=4096)
def _location(target: str, port: int | None) -> dict[str, Any]:
    parts = [target, *([f"{port}"] if port is not None else [])]
    # No colon may stand in the first part of a relative address, and no part may be . or .. alone.
    uri = "targets/" + "/".join(quote(part, safe="") if part.strip(".") else "%2E" for part in parts)
    name = target + (f":{port}" if port is not None else "")
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}, "logicalLocations": [{"name": name, "kind": "resource"}],
        "message": {"text": "A network target, not a file."},
    }  # fmt: skip


def _message(row: Mapping[str, Any]) -> str:
    said = [_text(row.get("title")), _text(row.get("remedy"))]
    return "\n".join(part for part in said if part)


def _text(value: object) -> str:
    """Return text in which nothing is a link or a placeholder of SARIF's messages."""
    return _plain(value[: TEXT_MAX + 1]) if isinstance(value, str) else ""


@lru_cache(maxsize=4096)
def _plain(value: str) -> str:
    # Titles, descriptions and remedies repeat from row to row.
    told = visible(value[:TEXT_MAX])[:TEXT_MAX].strip()
    return PLACEHOLDER.sub(r"{{\1}}", told.replace("](", "]\\("))
