"""What may be looked at, and what nobody can allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.assets.queries import list_scope
from watchfloor.kernel.assets.scope import add_scope, allowed, ensure_default_scope, in_force, own_networks, remove_scope
from watchfloor.kernel.assets.target import parse_ports, parse_target
from watchfloor.kernel.audit.queries import list_entries
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("192.0.2.1", "192.0.2.1/32"), ("192.0.2.77/24", "192.0.2.0/24"), ("10.0.0.0/8", "10.0.0.0/8"), ("::1", "::1/128"), ("[::1]", "::1/128"),
        ("2001:db8::/32", "2001:db8::/32"), (" Example.ORG. ", "example.org"), ("*.example.org", "example.org"), ("bücher.example", "xn--bcher-kva.example"),
    ],
)  # fmt: skip
def test_a_target_has_one_spelling(written: str, meant: str) -> None:
    assert str(parse_target(written)) == meant


@pytest.mark.parametrize(
    "written",
    [
        "", "org", "0.0.0.0/0", "::/0", "1.0.0.0/7", "2000::/16", "224.0.0.1", "255.255.255.255", "169.254.169.254", "100.100.100.200", "fd00:ec2::254",
        "ff02::1", "0.0.0.0", "127.1", "0x7f.1", "1.2.3.4.5", "1.2.3.4/33", "-a.example", "a_b.example", "a..example", "x" * 64 + ".example",  # noqa: S104 - a target, nothing listens
        "::ffff:10.0.0.0/104", "64:ff9b::a00:1", "2002:a00:1::/48", "168.63.129.16", "http://example.org", "example.org:80", "a b.example", "example.org\x00",
    ],
)  # fmt: skip
def test_what_is_no_target_or_never_contacted_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        parse_target(written)


def test_the_default_scope_is_this_machine_and_private_networks_only(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        ensure_default_scope(session, org)
        targets = allowed(session, org)
    assert {"127.0.0.0/8", "::1/128"} <= set(targets)
    assert all(ip_network(target).is_private for target in targets)
    assert {str(network) for network in own_networks()} == set(targets)


def test_what_was_removed_from_the_default_scope_stays_removed(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        ensure_default_scope(session, org)
        for entry in list_scope(session, org).items:
            remove_scope(session, org, entry.id, actor="test")
    with ledger.database.transaction(org) as session:
        ensure_default_scope(session, org)
        assert allowed(session, org) == ()


def test_an_entry_is_added_once_and_written_down(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "192.0.2.9/24", actor="anna", reason="ours")
        with pytest.raises(Conflict):
            add_scope(session, org, "192.0.2.0/24", actor="anna")
        assert allowed(session, org) == ("192.0.2.0/24",)
        (entry,) = list_entries(session, org, operation="scope.add").items
        assert (entry.actor, entry.object, entry.reason) == ("anna", "192.0.2.9/24", "ours")


def test_an_expired_entry_allows_nothing_and_may_be_added_anew(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "192.0.2.0/24", actor="anna")
        session.connection().exec_driver_sql("update scope set expires_at = wf_now()")
        assert allowed(session, org) == ()
        add_scope(session, org, "192.0.2.0/24", actor="anna")
        assert allowed(session, org) == ("192.0.2.0/24",)


def test_an_entry_that_has_not_begun_allows_nothing(ledger: Ledger, org: UUID) -> None:
    soon = datetime.now(UTC) + timedelta(days=3)
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "192.0.2.0/24", actor="anna", valid_from=soon)
        assert allowed(session, org) == ()
        (entry,) = list_scope(session, org).items
    assert entry.expires_at is not None
    assert (entry.valid_from, entry.expires_at - entry.valid_from) == (soon, timedelta(days=365))


def test_a_permission_ends_after_a_year_and_an_exclusion_does_not(ledger: Ledger, org: UUID) -> None:
    now = datetime.now(UTC)
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "192.0.2.0/24", actor="anna")
        add_scope(session, org, "192.0.2.0/24", actor="anna", exclude=True)
        excluded, permitted = sorted(list_scope(session, org).items, key=lambda one: not one.exclude)
        assert [(one.target, one.exclude, one.ports) for one in in_force(session, org)] == [
            ("192.0.2.0/24", False, None),
            ("192.0.2.0/24", True, None),
        ]
    assert (excluded.exclude, excluded.expires_at, permitted.exclude) == (True, None, False)
    assert permitted.expires_at is not None
    assert timedelta(days=364) < permitted.expires_at - now < timedelta(days=366)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"expires_at": timedelta(seconds=-1)}, "/expires_at"),
        ({"expires_at": timedelta(days=367)}, "/expires_at"),
        ({"valid_from": timedelta(days=10), "expires_at": timedelta(days=9)}, "/expires_at"),
        ({"valid_from": timedelta(days=400)}, "/valid_from"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(ledger: Ledger, org: UUID, times: dict[str, timedelta], field: str) -> None:
    now = datetime.now(UTC)
    with ledger.database.transaction(org) as session, pytest.raises(InvalidInput) as raised:
        begins, ends = (now + times[name] if name in times else None for name in ("valid_from", "expires_at"))
        add_scope(session, org, "192.0.2.0/24", actor="anna", valid_from=begins, expires_at=ends)
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("written", "meant"),
    [("443, 80 ,81-90", "80-90,443"), ("1-65535", "1-65535"), ("5,1-4,3", "1-5"), ("22", "22")],
)
def test_ports_have_one_spelling(written: str, meant: str) -> None:
    assert parse_ports(written) == meant


@pytest.mark.parametrize(
    "written", ["0", "65536", "9-1", "http", "1-2-3", "", "1,", "\u0661", "9" * 400, ",".join(str(2 * n + 1) for n in range(21))]
)
def test_what_is_no_port_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        parse_ports(written)


def test_an_exclusion_has_no_ports(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session, pytest.raises(InvalidInput, match="all ports"):
        add_scope(session, org, "192.0.2.0/24", actor="anna", exclude=True, ports="80")


def test_who_allowed_it_and_where_that_can_be_read_is_kept_and_audited(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "192.0.2.0/24", actor="anna", ports="80", reason="ours", approved_by="Berta", proof="contract 7")
        add_scope(session, org, "192.0.2.9", actor="anna", exclude=True)
        excluded, entry = sorted(list_scope(session, org).items, key=lambda one: not one.exclude)
        rows = [(one.operation, one.object, one.reason) for one in list_entries(session, org, operation="scope.add,scope.exclude").items]
    assert (entry.approved_by, entry.proof, entry.ports, entry.created_by) == ("Berta", "contract 7", "80", "anna")
    assert excluded.approved_by == "anna"
    assert sorted(rows) == [
        ("scope.add", "192.0.2.0/24", "ours; ports 80; allowed by Berta; proof: contract 7"),
        ("scope.exclude", "192.0.2.9", None),
    ]


def test_another_orgs_entry_is_not_found(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    with ledger.database.transaction(org) as session:
        entry = add_scope(session, org, "192.0.2.0/24", actor="anna")
    with ledger.database.transaction(stranger) as session:
        assert allowed(session, stranger) == allowed(session, org) == ()
        with pytest.raises(NotFound):
            remove_scope(session, org, entry, actor="eve")


def test_scope_over_rest(owner: Client) -> None:
    made = owner.post(
        "/scope", {"target": "192.0.2.0/24", "reason": "ours", "ports": "443,80", "approved_by": "Berta", "proof": "ticket 7"}
    )
    assert owner.get("/scope")["items"] == [made]
    assert (made["ports"], made["approved_by"], made["proof"], made["exclude"]) == ("80,443", "Berta", "ticket 7", False)
    left_out = owner.post("/scope", {"target": "192.0.2.0/24", "exclude": True})
    assert (left_out["exclude"], left_out["expires_at"]) == (True, None)
    assert owner.ask("POST", "/scope", json={"target": "192.0.3.0/24", "ports": "0"}).json()["field"] == "/ports"
    assert (
        owner.ask("POST", "/scope", json={"target": "192.0.3.0/24", "expires_at": "2020-01-01T00:00:00Z"}).json()["field"] == "/expires_at"
    )
    assert owner.ask("POST", "/scope", json={"target": "0.0.0.0/0"}).json()["field"] == "/target"
    assert owner.ask("POST", "/scope", json={"target": "192.0.2.0/24"}).status_code == 409
    assert owner.ask("DELETE", f"/scope/{made['id']}").status_code == 204
    assert owner.ask("DELETE", f"/scope/{made['id']}").status_code == 404
