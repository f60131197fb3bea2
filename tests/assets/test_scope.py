"""What may be looked at, and what nobody can allow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from watchfloor.kernel.assets.queries import list_scope
from watchfloor.kernel.assets.scope import add_scope, allowed, allows, ensure_default_scope, own_networks, parse_target, remove_scope
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
        "http://example.org", "example.org:80", "a b.example", "example.org\x00",
    ],
)  # fmt: skip
def test_what_is_no_target_or_never_contacted_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        parse_target(written)


@pytest.mark.parametrize(
    ("scope", "wanted", "answer"),
    [
        (("10.0.0.0/8",), "10.1.2.3", True), (("10.0.0.0/8",), "10.1.0.0/16", True), (("10.1.0.0/16",), "10.0.0.0/8", False),
        (("10.0.0.0/8",), "11.0.0.1", False), (("10.0.0.0/8",), "::ffff:10.0.0.1", False), (("::1/128",), "::1", True),
        (("example.org",), "www.example.org", True), (("example.org",), "EXAMPLE.org.", True), (("example.org",), "badexample.org", False),
        (("www.example.org",), "example.org", False), (("10.0.0.0/8",), "example.org", False), (("example.org",), "10.0.0.1", False), ((), "10.0.0.1", False),
    ],
)  # fmt: skip
def test_a_scope_covers_what_lies_inside_it(scope: tuple[str, ...], wanted: str, answer: bool) -> None:  # noqa: FBT001 - a table's column
    assert allows(scope, wanted) is answer


def test_the_default_scope_is_this_machine_and_private_networks_only(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        ensure_default_scope(session, org)
        targets = allowed(session, org)
    assert {"127.0.0.0/8", "::1/128"} <= set(targets)
    assert all(ip_network(target).is_private for target in targets)
    assert not any(allows(targets, public) for public in ("1.1.1.1", "8.8.8.8", "2606:4700::1111"))
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
    past = datetime.now(UTC) - timedelta(minutes=1)
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "192.0.2.0/24", actor="anna", expires_at=past)
        assert allowed(session, org) == ()
        add_scope(session, org, "192.0.2.0/24", actor="anna")
        assert allowed(session, org) == ("192.0.2.0/24",)


def test_another_orgs_entry_is_not_found(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    with ledger.database.transaction(org) as session:
        entry = add_scope(session, org, "192.0.2.0/24", actor="anna")
    with ledger.database.transaction(stranger) as session:
        assert allowed(session, stranger) == allowed(session, org) == ()
        with pytest.raises(NotFound):
            remove_scope(session, org, entry, actor="eve")


def test_scope_over_rest(owner: Client) -> None:
    made = owner.post("/scope", {"target": "192.0.2.0/24", "reason": "ours"})
    assert owner.get("/scope")["items"] == [made]
    assert owner.ask("POST", "/scope", json={"target": "0.0.0.0/0"}).json()["field"] == "/target"
    assert owner.ask("POST", "/scope", json={"target": "192.0.2.0/24"}).status_code == 409
    assert owner.ask("DELETE", f"/scope/{made['id']}").status_code == 204
    assert owner.ask("DELETE", f"/scope/{made['id']}").status_code == 404
