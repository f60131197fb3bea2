"""What people decide about findings: with a reason, on record, and an acceptance never for ever."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import Client, client_of
from tests.findings.factories import close, expire, found, only, told
from watchfloor.kernel import clock
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound
from watchfloor.kernel.findings.queries import get_finding, list_findings
from watchfloor.kernel.findings.triage import reopen_expired, triage, triage_many

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from watchfloor.kernel.jobs.ledger import Ledger

TOMORROW = timedelta(days=1)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"state": "accepted"}, "needs an end"),
        ({"state": "accepted", "until": timedelta(seconds=-1)}, "ends in the future"),
        ({"state": "accepted", "until": timedelta(days=3000)}, "within five years"),
        ({"state": "open", "until": TOMORROW}, "leave `until` out"),
        ({"state": "false_positive", "reason": " "}, "needs a reason"),
    ],
)
def test_a_decision_without_reason_or_end_is_refused(ledger: Ledger, org: UUID, change: dict[str, Any], says: str) -> None:
    values = {"reason": "lab"} | change
    if "until" in values:
        values["until"] = clock.now() + values["until"]
    with ledger.database.transaction(org) as session:
        found(session, org)
        one = only(session, org)
        with pytest.raises(InvalidInput, match=says):
            triage(session, org, one.id, actor="anna", **values)
        assert get_finding(session, org, one.id) == one


def test_who_decided_what_until_when_and_why_is_kept(ledger: Ledger, org: UUID) -> None:
    until = clock.now() + TOMORROW
    with ledger.database.transaction(org) as session:
        found(session, org, job=new_id())
        finding = only(session, org).id
        triage(session, org, finding, state="accepted", reason="a lab", actor="anna", until=until)
        triage(session, org, finding, state="open", reason="not a lab any more", actor="bert")
        triage(session, org, finding, state="false_positive", reason="a honeypot", actor="anna")
        history = only(session, org).history
    assert [(one.from_state, one.to_state, one.accepted_until, one.actor, one.reason, one.job) for one in history[:3]] == [
        ("open", "false_positive", None, "anna", "a honeypot", None),
        ("accepted", "open", None, "bert", "not a lab any more", None),
        ("open", "accepted", until, "anna", "a lab", None),
    ]


def test_an_acceptance_can_be_renewed(ledger: Ledger, org: UUID) -> None:
    later = clock.now() + timedelta(days=30)
    with ledger.database.transaction(org) as session:
        found(session, org)
        for until in (clock.now() + TOMORROW, later):
            triage(session, org, only(session, org).id, state="accepted", reason="lab", actor="anna", until=until)
        assert only(session, org).accepted_until == later


def test_a_fixed_finding_opens_by_itself_only_but_can_be_called_false(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        found(session, org)
        close(session, org)
        finding = only(session, org).id
        with pytest.raises(Conflict, match="opens by itself"):
            triage(session, org, finding, state="open", reason="x", actor="anna")
        with pytest.raises(Conflict):
            triage(session, org, finding, state="accepted", reason="x", actor="anna", until=clock.now() + TOMORROW)
        triage(session, org, finding, state="false_positive", reason="it flaps", actor="anna")
        found(session, org)
        assert only(session, org).state == "false_positive"


def test_several_at_once_change_what_can_be_changed(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    with ledger.database.transaction(stranger) as session:
        found(session, stranger)
        foreign = only(session, stranger).id
    with ledger.database.transaction(org) as session:
        for key in "abc":
            found(session, org, key, port=ord(key))
        close(session, org, ports=[ord("c")])
        ids = {one.key: one.id for one in list_findings(session, org).items}
        refused = triage_many(
            session, org, [*ids.values(), ids["a"], foreign], state="accepted", reason="lab", actor="anna", until=clock.now() + TOMORROW
        )
        assert {one.finding: type(one.error) for one in refused} == {ids["c"]: Conflict, foreign: NotFound}
        assert {one.key: one.state for one in list_findings(session, org).items} == {"a": "accepted", "b": "accepted", "c": "fixed"}
        assert told(session, org).count("finding.accepted") == 2
    with ledger.database.transaction(stranger) as session:
        assert only(session, stranger).state == "open"


def test_more_than_a_thousand_at_once_are_refused(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session, pytest.raises(InvalidInput, match="1,001 findings"):
        triage_many(session, org, [new_id() for _ in range(1001)], state="open", reason="x", actor="anna")


def test_expired_acceptances_are_told_once(ledger: Ledger, org: UUID) -> None:
    job = new_id()
    with ledger.database.transaction(org) as session:
        for key, until in (("a", TOMORROW), ("b", 2 * TOMORROW)):
            found(session, org, key)
            (finding,) = list_findings(session, org, state="open").items
            triage(session, org, finding.id, state="accepted", reason="lab", actor="anna", until=clock.now() + until)
        assert reopen_expired(session, org, job=job) == 0
        expire(session, org)
        assert reopen_expired(session, org, job=job) == 2
        assert reopen_expired(session, org, job=job) == 0
        assert told(session, org)[-2:] == ["finding.reopened"] * 2
        detail = get_finding(session, org, list_findings(session, org).items[0].id)
    newest = detail.history[0]
    assert (newest.from_state, newest.to_state, newest.actor, newest.job) == ("accepted", "open", "system", job)


def test_expired_acceptances_are_told_by_a_job(owner: Client, ledger: Ledger) -> None:
    from tests.api.floor import work  # noqa: PLC0415 - here alone

    with ledger.database.transaction(owner.org) as session:
        found(session, owner.org)
        triage(session, owner.org, only(session, owner.org).id, state="accepted", reason="x", actor="anna", until=clock.now() + TOMORROW)
        expire(session, owner.org)
    job = owner.submit("findings.reopen_expired")
    work(ledger, job)
    assert owner.get(f"/jobs/{job}/result")["result"] == {"findings": 1}
    assert owner.get("/findings")["items"][0]["accepted_until"] is None


def test_triage_over_rest(owner: Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as session:
        found(session, owner.org)
    finding = owner.get("/findings", severity="high,critical", state="open", check="cleartext", port=23)["items"][0]["id"]
    path, until = f"/findings/{finding}/triage", (clock.now() + TOMORROW).isoformat()
    for body in (
        {"state": "accepted", "reason": "", "until": until},
        {"state": "accepted", "reason": "x"},
        {"state": "accepted", "reason": "x", "until": "2026-01-01T00:00:00"},
        {"state": "accepted", "reason": "x", "until": "2020-01-01T00:00:00Z"},
        {"state": "fixed", "reason": "x"},
    ):
        assert owner.ask("POST", path, json=body).status_code == 422, body
    shown = owner.post(path, {"state": "accepted", "reason": "lab", "until": until})
    assert (shown["state"], shown["reason"]) == ("accepted", "lab")
    assert [(one["from"], one["to"]) for one in shown["history"]] == [("open", "accepted"), (None, "open")]
    first = owner.get(f"/findings/{finding}/history", limit=1)
    rest = owner.get(f"/findings/{finding}/history", after=first["next"])
    assert [one["to"] for one in first["items"] + rest["items"]] == ["accepted", "open"]
    with ledger.database.transaction(owner.org) as session:
        close(session, owner.org)
    assert owner.ask("POST", path, json={"state": "open", "reason": "x"}).status_code == 409
    assert owner.ask("GET", "/findings?severity=grave").status_code == 422
    assert owner.ask("GET", "/findings?state=closed").status_code == 422


def test_several_over_rest_name_what_was_refused(owner: Client, ledger: Ledger) -> None:
    unknown = str(new_id())
    with ledger.database.transaction(owner.org) as session:
        found(session, owner.org)
        finding = str(only(session, owner.org).id)
    told_ = owner.post("/findings/triage", {"ids": [finding, unknown], "state": "false_positive", "reason": "x"})
    assert told_["changed"] == 1
    assert [(one["id"], one["code"]) for one in told_["refused"]] == [(unknown, "not_found")]
    for ids in ([], [unknown] * 1001):
        assert owner.ask("POST", "/findings/triage", json={"ids": ids, "state": "open", "reason": "x"}).status_code == 422


def test_another_organisation_changes_nothing(owner: Client, http: httpx.Client, ledger: Ledger, stranger: UUID) -> None:
    with ledger.database.transaction(owner.org) as session:
        found(session, owner.org)
        finding = str(only(session, owner.org).id)
    eve = client_of(http, ledger, stranger, "owner")
    decision = {"state": "false_positive", "reason": "x"}
    assert eve.ask("POST", f"/findings/{finding}/triage", json=decision).status_code == 404
    assert eve.ask("GET", f"/findings/{finding}/history").status_code == 404
    assert eve.post("/findings/triage", {"ids": [finding], **decision})["changed"] == 0
    assert [one["to"] for one in owner.get(f"/findings/{finding}/history")["items"]] == ["open"]


def test_who_may_only_read_decides_nothing(owner: Client, http: httpx.Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as session:
        found(session, owner.org)
        finding = str(only(session, owner.org).id)
    viewer = client_of(http, ledger, owner.org, "viewer")
    decision = {"state": "false_positive", "reason": "x"}
    assert viewer.ask("POST", f"/findings/{finding}/triage", json=decision).status_code == 403
    assert viewer.ask("POST", "/findings/triage", json={"ids": [finding], **decision}).status_code == 403
    assert viewer.get(f"/findings/{finding}")["state"] == "open"
