"""What runs on an asset: learned, changed, gone; and read in the order in which it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from watchfloor.kernel.assets.facts import Fact, KeptFact, Mark, facts_since, learn
from watchfloor.kernel.assets.inventory import expose, see
from watchfloor.kernel.assets.queries import get_asset, list_facts
from watchfloor.kernel.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger

SSH = Fact(
    port=22,
    protocol="tcp",
    name="ssh",
    product="OpenSSH",
    version="9.2p1",
    revision="Debian-2",
    cpe23=("cpe:2.3:a:openbsd:openssh:9.2:p1",),
)
WEB = Fact(port=80, protocol="tcp", name="http", product="nginx", version="1.24.0")
DNS = Fact(port=53, protocol="udp", name="dns", product="BIND", version="9.18")
ALL = {"tcp": [(1, 65_535)], "udp": [(1, 65_535)]}


@pytest.fixture
def host(ledger: Ledger, org: UUID) -> UUID:
    """Know one host."""
    with ledger.database.transaction(org) as session:
        return see(session, org, kind="host", key="192.0.2.1")


def looked(ledger: Ledger, org: UUID, host: UUID, *facts: Fact, ports: dict[str, list[tuple[int, int]]] | None = None) -> None:
    """Learn in a transaction of its own."""
    with ledger.database.transaction(org) as session:
        learn(session, org, host, facts, ports_looked_at=ports)


def known(ledger: Ledger, org: UUID, host: UUID, *, gone: bool = False) -> list[tuple[str, str, bool]]:
    """Return product, version and whether it is gone, by product."""
    with ledger.database.transaction(org) as session:
        found = list_facts(session, org, host, gone=gone, limit=500).items
    return sorted((one.product, one.version, one.gone_at is not None) for one in found)


def test_what_was_found_is_kept_with_all_that_is_known(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, SSH, ports=ALL)
    with ledger.database.transaction(org) as session:
        (one,) = list_facts(session, org, host).items
    assert (one.kind, one.port, one.protocol, one.name, one.product, one.version, one.revision, one.cpe23, one.gone_at) == (
        "service", 22, "tcp", "ssh", "OpenSSH", "9.2p1", "Debian-2", ["cpe:2.3:a:openbsd:openssh:9.2:p1"], None,
    )  # fmt: skip


def test_repeating_a_look_changes_nothing_but_its_time(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, SSH, WEB, ports=ALL)
    with ledger.database.transaction(org) as session:
        before = list_facts(session, org, host).items
    looked(ledger, org, host, WEB, SSH, WEB, ports=ALL)
    with ledger.database.transaction(org) as session:
        after = list_facts(session, org, host).items
    assert [one.model_copy(update={"observed_at": one.first_seen}) for one in after] == [
        one.model_copy(update={"observed_at": one.first_seen}) for one in before
    ]
    assert all(new.observed_at > old.observed_at for old, new in zip(before, after, strict=True))


def test_an_upgrade_is_the_same_fact_changed(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, WEB, ports=ALL)
    with ledger.database.transaction(org) as session:
        (before,) = list_facts(session, org, host).items
    looked(ledger, org, host, Fact(port=80, protocol="tcp", name="http", product="nginx", version="1.26.0"), ports=ALL)
    with ledger.database.transaction(org) as session:
        (after,) = list_facts(session, org, host).items
    assert (after.id, after.version, after.first_seen) == (before.id, "1.26.0", before.first_seen)
    assert after.changed_at > before.changed_at


def test_what_a_port_that_was_looked_at_no_longer_has_is_gone(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, SSH, WEB, ports=ALL)
    looked(ledger, org, host, Fact(port=80, protocol="tcp", product="Apache"), ports={"tcp": [(22, 22), (80, 80)]})
    assert known(ledger, org, host) == [("Apache", "", False)]
    assert known(ledger, org, host, gone=True) == [("Apache", "", False), ("OpenSSH", "9.2p1", True), ("nginx", "1.24.0", True)]


def test_a_port_nobody_looked_at_loses_nothing(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, SSH, WEB, DNS, ports=ALL)
    looked(ledger, org, host, ports={"tcp": [(1, 21), (23, 79), (53, 53), (81, 65_535)], "udp": [(54, 60)]})
    looked(ledger, org, host)
    assert [product for product, _, gone in known(ledger, org, host) if not gone] == ["BIND", "OpenSSH", "nginx"]


def test_what_comes_back_is_the_fact_it_was(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, WEB, ports=ALL)
    with ledger.database.transaction(org) as session:
        (first,) = list_facts(session, org, host).items
    looked(ledger, org, host, ports=ALL)
    looked(ledger, org, host, WEB, ports=ALL)
    with ledger.database.transaction(org) as session:
        (again,) = list_facts(session, org, host, gone=True).items
    assert (again.id, again.gone_at, again.first_seen) == (first.id, None, first.first_seen)
    assert again.changed_at > first.changed_at


def test_an_operating_system_replaces_the_one_before_and_no_service(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, Fact(kind="os", product="Debian", version="12"), SSH, ports=ALL)
    looked(ledger, org, host, SSH, ports=ALL)
    assert len(known(ledger, org, host)) == 2
    looked(ledger, org, host, Fact(kind="os", product="FreeBSD"))
    assert known(ledger, org, host, gone=True) == [("Debian", "12", True), ("FreeBSD", "", False), ("OpenSSH", "9.2p1", False)]


def test_a_fact_without_a_product_says_nothing(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, WEB, ports=ALL)
    looked(ledger, org, host, Fact(port=80, protocol="tcp", name="http", product=""), ports=ALL)
    assert known(ledger, org, host) == []


def test_hostile_text_is_stored_bounded(ledger: Ledger, org: UUID, host: UUID) -> None:
    looked(ledger, org, host, Fact(port=80, protocol="tcp", product="\0\ud800" + "x" * 9999, version="\x1b[2J", cpe23=("c" * 999,) * 99))
    with ledger.database.transaction(org) as session:
        (one,) = list_facts(session, org, host).items
    assert (len(one.product), len(one.cpe23), len(one.cpe23[0])) == (300, 20, 300)


facts = st.lists(st.tuples(st.integers(1, 4), st.sampled_from("ab"), st.sampled_from("12")), max_size=4)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(facts, st.integers(1, 4), st.integers(0, 3)), min_size=1, max_size=5))
def test_facts_agree_with_a_plain_model(ledger: Ledger, org: UUID, looks: list[tuple[list[tuple[int, str, str]], int, int]]) -> None:
    with ledger.database.transaction(org) as session:
        host = see(session, org, kind="host", key="model")
        session.connection().exec_driver_sql("delete from asset_fact")
        model: dict[tuple[int, str], str] = {}
        for found, first, more in looks:
            ports = range(first, first + more + 1)
            inside = {(port, product): version for port, product, version in found if port in ports}
            model = {key: version for key, version in model.items() if key[0] not in ports} | inside
            told = [Fact(port=port, protocol="tcp", product=product, version=version) for (port, product), version in inside.items()]
            learn(session, org, host, told, ports_looked_at={"tcp": [(first, first + more)]})
        kept = list_facts(session, org, host, limit=500).items
    assert {(one.port, one.product): one.version for one in kept} == model


def settle(ledger: Ledger, org: UUID) -> None:
    """Let what was written become old enough to be read."""
    with ledger.database.transaction(org) as session:
        session.connection().exec_driver_sql("update asset_fact set changed_at = changed_at - interval '11 seconds'")


def read_all(ledger: Ledger, org: UUID, mark: Mark | None, limit: int) -> tuple[list[KeptFact], Mark | None]:
    """Read pages until there is nothing more."""
    found: list[KeptFact] = []
    with ledger.database.transaction(org) as session:
        while page := facts_since(session, org, mark, limit=limit):
            found += page
            mark = Mark(page[-1].changed_at, page[-1].id)
    return found, mark


@pytest.mark.parametrize("limit", [1, 2, 500])
def test_changes_are_read_once_each_in_their_order(ledger: Ledger, org: UUID, host: UUID, limit: int) -> None:
    looked(ledger, org, host, SSH, WEB, DNS, ports=ALL)
    assert read_all(ledger, org, None, limit) == ([], None)  # too young
    settle(ledger, org)
    first, mark = read_all(ledger, org, None, limit)
    assert sorted(one.product for one in first) == ["BIND", "OpenSSH", "nginx"]
    assert read_all(ledger, org, mark, limit) == ([], mark)
    looked(ledger, org, host, SSH, ports={"tcp": [(1, 100)]})
    settle(ledger, org)
    second, _ = read_all(ledger, org, None, limit)
    assert [one.product for one in second][-1] == "nginx"
    assert second[-1].gone_at is not None
    assert [one.changed_at for one in second] == sorted(one.changed_at for one in second)


def test_another_org_reads_and_learns_nothing(ledger: Ledger, org: UUID, stranger: UUID, host: UUID) -> None:
    looked(ledger, org, host, SSH, ports=ALL)
    settle(ledger, org)
    with ledger.database.transaction(stranger) as session:
        assert facts_since(session, stranger) == facts_since(session, org) == []
        with pytest.raises(NotFound):
            list_facts(session, stranger, host)


def test_an_asset_keeps_the_names_it_was_seen_under(ledger: Ledger, org: UUID) -> None:
    names = ["a.example", None, "b.example", "a.example", *(f"n{n}.example" for n in range(30))]
    with ledger.database.transaction(org) as session:
        (host,) = {see(session, org, kind="host", key="192.0.2.1", name=name) for name in names}
        found = get_asset(session, org, host)
    assert (found.name, len(found.names), found.names[0], found.names[-1]) == ("n29.example", 20, "n29.example", "n10.example")


def test_exposure_is_set_shown_filtered_and_audited(owner: Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as session:
        asset = see(session, owner.org, kind="host", key="192.0.2.1")
        see(session, owner.org, kind="host", key="192.0.2.2")
    assert owner.get(f"/assets/{asset}")["exposure"] == "unknown"
    shown = owner.ask("PUT", f"/assets/{asset}/exposure", json={"exposure": "internet"}).json()
    assert shown["exposure"] == "internet"
    assert owner.get("/assets", exposure="internet,partner")["items"] == owner.get("/assets", key="192.0.2.1")["items"] == [shown]
    assert owner.ask("PUT", f"/assets/{asset}/exposure", json={"exposure": "moon"}).status_code == 422
    assert owner.ask("GET", "/assets", params={"exposure": "moon"}).status_code == 422
    assert [row["reason"] for row in owner.get("/audit", operation="asset.expose")["items"]] == ["internet"]
    with ledger.database.transaction(owner.org) as session, pytest.raises(InvalidInput):
        expose(session, owner.org, asset, "moon", actor="test")


def test_facts_over_rest(owner: Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as session:
        asset = see(session, owner.org, kind="host", key="192.0.2.1")
        learn(session, owner.org, asset, [SSH, Fact(kind="os", product="Debian")])
    shown = owner.get(f"/assets/{asset}/facts")["items"]
    assert sorted((one["kind"], one["port"], one["product"]) for one in shown) == [("os", None, "Debian"), ("service", 22, "OpenSSH")]
