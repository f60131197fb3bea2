"""Findings: the same thing twice is one, and none goes without a look that proves it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.findings.factories import close, expire, found, only, told
from watchfloor.kernel import clock
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict
from watchfloor.kernel.findings import ledger as ledger_of_findings
from watchfloor.kernel.findings.queries import get_finding, list_findings
from watchfloor.kernel.findings.triage import triage

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


def test_the_same_finding_twice_is_one(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        assert found(session, org) is True
    with ledger.database.transaction(org) as session:
        assert found(session, org, title="Telnet is still open") is False
        one = only(session, org)
        assert one.title == "Telnet is still open"
        assert one.last_seen > one.first_seen
        assert told(session, org) == ["finding.opened"]
        assert [(change.from_state, change.to_state, change.actor) for change in one.history] == [(None, "open", "scans")]


def test_references_and_description_are_kept_and_renewed(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org, references=["https://example.org/a"], description="Passwords can be read.", protocol="udp")
        found(session, org, references=["https://example.org/b", "https://example.org/c"], description="They can.", protocol="udp")
        one = only(session, org)
    assert (one.references, one.description, one.protocol) == (["https://example.org/b", "https://example.org/c"], "They can.", "udp")


def test_a_finding_not_seen_any_more_is_fixed_with_change_event_and_audit_row(ledger: Ledger, org: UUID) -> None:
    job = new_id()
    with ledger.database.transaction(org) as session:
        found(session, org)
        found(session, org, "tls:192.0.2.1:443", port=443)
        (fixed,) = close(session, org, seen=["tls:192.0.2.1:443"], job=job)
    with ledger.database.transaction(org) as session:
        one = get_finding(session, org, fixed)
        assert (one.state, one.reason, one.job) == ("fixed", "port closed", job)
        assert one.fixed_at is not None
        assert [finding.key for finding in list_findings(session, org, state="open").items] == ["tls:192.0.2.1:443"]
        assert told(session, org)[-1] == "finding.fixed"
        newest = one.history[0]
        assert (newest.from_state, newest.to_state, newest.actor, newest.reason, newest.job) == (
            "open",
            "fixed",
            "test",
            "port closed",
            job,
        )
        row = wire_of(session).execute(
            "select reason from audit_entry where org = %s and operation = 'finding.fix' and object = %s", (org, str(fixed))
        )
        assert row.fetchone() == ("open to fixed: port closed",)


def test_nothing_is_fixed_without_a_reason_or_where_nobody_looked(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        with pytest.raises(Conflict):
            close(session, org, reason=" ")
        assert close(session, org, ports=[22, 80]) == []
        assert close(session, org, ports=[23], protocol="udp") == []
        assert close(session, org, capability="cookies") == []
        assert close(session, org, asset=see(session, org, kind="host", key="192.0.2.2")) == []
        assert len(close(session, org, ports=[23])) == 1


def test_a_finding_without_a_port_is_fixed_only_when_everything_was_looked_at(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org, port=None)
        assert close(session, org, ports=range(1, 65_536), filtered=range(1, 65_536)) == []
        assert len(close(session, org)) == 1


def test_a_silent_port_fixes_at_the_second_look_in_a_row(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        assert close(session, org, ports=[], filtered=[23], look=new_id()) == []
        assert (only(session, org).state, only(session, org).misses) == ("open", 1)
        assert len(close(session, org, ports=[], filtered=[23], look=new_id())) == 1
        one = only(session, org)
    assert (one.state, one.misses) == ("fixed", 0)
    assert one.reason == "its port did not answer in two looks one after the other"


def test_a_repeated_look_counts_one_miss(ledger: Ledger, org: UUID) -> None:
    look = new_id()
    with ledger.database.transaction(org) as session:
        found(session, org)
        for _ in range(3):
            assert close(session, org, ports=[], filtered=[23], look=look) == []
        assert only(session, org).misses == 1


def test_a_finding_seen_between_two_silent_looks_stays_open(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        close(session, org, ports=[], filtered=[23], look=new_id())
        found(session, org)
        assert close(session, org, ports=[], filtered=[23], look=new_id()) == []
        assert (only(session, org).state, only(session, org).misses) == ("open", 1)


def test_a_fixed_finding_opens_again_when_it_is_seen(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        close(session, org)
        assert found(session, org) is False
        one = only(session, org)
        assert (one.state, one.fixed_at, one.reason) == ("open", None, "seen again")
        assert [(change.from_state, change.to_state) for change in one.history] == [("fixed", "open"), ("open", "fixed"), (None, "open")]
        assert told(session, org) == ["finding.opened", "finding.fixed", "finding.reopened"]


def test_a_valid_acceptance_and_a_false_positive_stay_when_they_are_seen_again(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        one = only(session, org)
        triage(session, org, one.id, state="accepted", reason="lab", actor="anna", until=clock.now() + timedelta(days=1))
        found(session, org)
        assert (only(session, org).state, only(session, org).reason) == ("accepted", "lab")
        triage(session, org, one.id, state="false_positive", reason="a honeypot", actor="anna")
        found(session, org)
        assert (only(session, org).state, only(session, org).reason) == ("false_positive", "a honeypot")
        assert close(session, org) == []
        assert only(session, org).state == "false_positive"
        assert told(session, org) == ["finding.opened", "finding.accepted", "finding.false_positive"]


def test_an_accepted_finding_that_is_gone_is_fixed(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        triage(session, org, only(session, org).id, state="accepted", reason="lab", actor="anna", until=clock.now() + timedelta(days=1))
        assert len(close(session, org)) == 1
        assert (only(session, org).state, only(session, org).accepted_until) == ("fixed", None)


def test_an_expired_acceptance_is_open_at_once_and_told_at_the_next_sight(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        triage(session, org, only(session, org).id, state="accepted", reason="lab", actor="anna", until=clock.now() + timedelta(days=1))
        assert list_findings(session, org, state="open").items == []
        expire(session, org)
        assert [one.state for one in list_findings(session, org, state="open").items] == ["open"]
        assert list_findings(session, org, state="accepted").items == []
        found(session, org)
        one = only(session, org)
        assert (one.state, one.accepted_until, one.reason) == ("open", None, "the acceptance has expired")
        assert (one.history[0].from_state, one.history[0].to_state) == ("accepted", "open")
        assert told(session, org)[-1] == "finding.reopened"


def test_the_gravest_come_first_over_pages(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        for n, severity in enumerate([Severity.LOW, Severity.CRITICAL, Severity.INFO, Severity.HIGH, Severity.CRITICAL]):
            found(session, org, f"k{n}", severity=severity)
        seen, after = [], None
        while True:
            page = list_findings(session, org, limit=2, after=after)
            seen += [finding.key for finding in page.items]
            after = page.next
            if after is None:
                break
        assert seen[:2] in (["k4", "k1"], ["k1", "k4"])
        assert seen[2:] == ["k3", "k0", "k2"]


def test_lists_are_narrowed_by_every_field(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org, "a", check="telnet", target="192.0.2.1", port=23)
        found(session, org, "b", check="ftp", target="192.0.2.2", port=21, capability="cookies")
        host = see(session, org, kind="host", key="192.0.2.1")
        moment = min(one.first_seen for one in list_findings(session, org).items)
        for narrow, keys in (
            ({"check": "ftp"}, ["b"]), ({"target": "192.0.2.1,192.0.2.9"}, ["a"]), ({"capability": "cookies"}, ["b"]), ({"port": 23}, ["a"]),
            ({"asset": host}, ["a", "b"]), ({"asset": new_id()}, []), ({"state": "fixed,accepted"}, []), ({"state": "open,fixed"}, ["a", "b"]),
            ({"first_seen_after": moment}, ["b"]), ({"last_seen_before": moment}, []),
        ):  # fmt: skip
            assert sorted(one.key for one in list_findings(session, org, **narrow).items) == keys, narrow


def test_findings_are_fixed_by_key_for_a_reason(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org, "a")
        found(session, org, "b")
        fixed = ledger_of_findings.close(
            session, org, ["a", "unknown"], capability="scans", reason="a fixed version was seen", actor="scans", job=None
        )
        other = ledger_of_findings.close(session, org, ["b"], capability="advisories", reason="gone", actor="advisories", job=None)
    with ledger.database.transaction(org) as session:
        assert [get_finding(session, org, one).reason for one in fixed] == ["a fixed version was seen"]
        assert other == []
        assert [finding.key for finding in list_findings(session, org, state="open").items] == ["b"]
        with pytest.raises(Conflict, match="for a reason"):
            ledger_of_findings.close(session, org, ["b"], capability="scans", reason=" ", actor="scans", job=None)


def test_many_are_recorded_at_once_as_each_would_be(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        host = see(session, org, kind="host", key="192.0.2.1")
        for key in ("fixed", "accepted", "expired", "wrong", "open"):
            found(session, org, key)
        by_key = {one.key: one.id for one in list_findings(session, org).items}
        ledger_of_findings.close(session, org, ["fixed"], capability="scans", reason="gone", actor="scans", job=None)
        triage(session, org, by_key["expired"], state="accepted", reason="lab", actor="anna", until=clock.now() + timedelta(days=1))
        expire(session, org)
        triage(session, org, by_key["accepted"], state="accepted", reason="lab", actor="anna", until=clock.now() + timedelta(days=1))
        triage(session, org, by_key["wrong"], state="false_positive", reason="a honeypot", actor="anna")
    with ledger.database.transaction(org) as session:
        before = len(told(session, org))
        seen = [
            ledger_of_findings.Seen(
                key=key,
                check="cleartext",
                asset=host,
                target="192.0.2.1",
                port=port,
                title=f"{key} {n}",
                severity=Severity.HIGH,
                evidence={"n": n},
                remedy="Use SSH.",
                references=["https://example.org/a"],
            )
            for n, (key, port) in enumerate(
                [("new", 23), ("fixed", 23), ("accepted", 23), ("expired", 23), ("wrong", 23), ("open", None), ("new", 24)]
            )
        ]
        job = new_id()
        fresh = ledger_of_findings.record_all(session, org, seen, capability="scans", job=job, actor="advisor")
        assert fresh == {"new"}
        assert ledger_of_findings.record_all(session, org, [], capability="scans", job=job) == set()
        states = {one.key: (one.state, one.reason, one.title, one.port) for one in list_findings(session, org).items}
        assert states == {
            "new": ("open", None, "new 6", 24), "fixed": ("open", "seen again", "fixed 1", 23), "accepted": ("accepted", "lab", "accepted 2", 23),
            "expired": ("open", "the acceptance has expired", "expired 3", 23), "wrong": ("false_positive", "a honeypot", "wrong 4", 23),
            "open": ("open", None, "open 5", None),
        }  # fmt: skip
        assert sorted(told(session, org)[before:]) == ["finding.opened", "finding.reopened", "finding.reopened"]
        newest = get_finding(session, org, by_key["fixed"]).history[0]
        assert (newest.from_state, newest.to_state, newest.actor, newest.reason, newest.job) == (
            "fixed",
            "open",
            "advisor",
            "seen again",
            job,
        )
        audited = wire_of(session).execute(
            "select object, actor, reason from audit_entry where org = %s and operation = 'finding.reopen' order by object", (org,)
        )
        assert audited.fetchall() == sorted([
            (str(by_key["fixed"]), "advisor", "fixed to open: seen again"),
            (str(by_key["expired"]), "advisor", "accepted to open: the acceptance has expired"),
        ])  # fmt: skip
