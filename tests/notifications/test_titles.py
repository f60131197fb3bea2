"""Facts about what events are called, and what of them is told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from watchfloor.capabilities.notifications.engine.titles import title_of
from watchfloor.capabilities.notifications.engine.told import message_of

AT = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "data", "title"),
    [
        (
            "scans.finished",
            {"state": "finished", "findings": {"critical": 1, "high": 2, "low": 4}},
            "Scan has ended: 7 findings, 1 critical, 2 high",
        ),
        ("scans.finished", {"state": "finished", "findings": {"info": 1}}, "Scan has ended: 1 finding"),
        ("scans.finished", {"state": "finished", "findings": {}}, "Scan has ended: no findings"),
        ("scans.finished", {"state": "incomplete", "error": "nobody answered"}, "Scan is incomplete: nobody answered"),
        ("scans.finished", {}, "Scan has ended: no findings"),
        ("scans.finished", {"findings": "{}"}, "Scan has ended: no findings"),
        ("scans.changed", {"counts": {"services_changed": 2, "hosts": 0}}, "Something changed since the scan before: 2 services changed"),
        ("advisories.watch_hit", {"cve_id": "CVE-2024-6387", "kind": "kev_added", "name": "ours"}, "CVE-2024-6387: kev_added (ours)"),
        ("advisories.source_refused", {"source": "NVD"}, "NVD cannot be read: unknown"),
        ("reports.failed", {"reason": "{0} {reason} %s"}, "A report could not be written: {0} {reason} %s"),
        ("reports.short_of_room", {"reason": "3 MiB are left"}, "Reports wait for room on a disk: 3 MiB are left"),
        ("finding.fixed", {"title": "TLS 1.0 is on"}, "Fixed: TLS 1.0 is on"),
        ("job.failed", {"kind": "scans.run", "reason": "no such host"}, "A job has failed: scans.run (no such host)"),
        ("job.quarantined", {"kind": "scans.run", "attempts": 3}, "A job was set aside, it took its worker down 3 times: scans.run"),
        ("schedule.missed", {"name": "nightly", "missed": 2}, "The schedule nightly could not tick 2 times"),
        ("a.word_of_others", {}, "A word of others"),
    ],
)
def test_a_title_says_what_people_decide_by(name: str, data: dict[str, Any], title: str) -> None:
    assert title_of(name, data) == title


def test_what_is_inside_a_fact_is_told_beside_it() -> None:
    told = message_of("scans.finished", "high", AT, {"scan": "7", "findings": {"high": 2, "odd": [1]}, "tags": ["a", "b", {}], "empty": []})
    assert told.facts == {"scan": "7", "findings high": "2", "tags": "a, b"}
    assert (told.subject_kind, told.subject_id) == ("scan", "7")


def test_sentences_are_lines_and_no_facts() -> None:
    told = message_of("scans.unhealthy", "medium", AT, {"checks": ["oldest"], "sentences": ["One.", "Two."]})
    assert (told.lines, told.facts, told.title) == (("One.", "Two."), {"checks": "oldest"}, "Scanning has trouble: oldest")


def test_a_thousand_facts_are_forty() -> None:
    assert len(message_of("a.b", "info", AT, {f"fact {n}": {"x": "y" * 900} for n in range(1000)}).facts) == 40


@pytest.mark.parametrize(
    ("name", "title"),
    [("finding.opened", "TLS 1.0 is on"), ("finding.reopened", "Open again: TLS 1.0 is on"), ("finding.fixed", "Fixed: TLS 1.0 is on")],
)
def test_what_is_over_does_not_sound_as_if_it_were_open(name: str, title: str) -> None:
    told = message_of(name, "high", AT, {"finding": "7", "target": "web-1", "title": "TLS 1.0 is on"})
    assert (told.title, told.asset, told.subject_kind, told.subject_id) == (title, "web-1", "finding", "7")
