"""Products that stand for others: mapped over REST and on the command line, refused where a chain would come of it, matched again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.advisories.data import shared_json
from tests.advisories.test_match_job import K, World, normal
from tests.api.floor import client_of
from tests.cli.desk import OpenDesk
from watchfloor.capabilities.advisories.cli import commands
from watchfloor.capabilities.advisories.queries import aliases, named
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.floor import Client
    from tests.api.worker import Worker
    from watchfloor.kernel.jobs.ledger import Ledger

AT = "/advisories/aliases"


@pytest.fixture(autouse=True)
def products(ledger: Ledger, org: UUID, postgres: str) -> Iterator[None]:
    """Know some products, and afterwards no alias: it is not an organisation's."""
    with ledger.database.transaction(org) as session, curating(session) as wire:
        names = [("a", "asterisk", "asterisk"), ("a", "digium", "asterisk"), ("o", "linux", "linux_kernel"), ("a", "linux", "kernel")]
        Products().number(wire, names)
    yield
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("update adv_product set canonical = null where canonical is not null")


def put(client: Client, alias: str, product: str) -> Any:
    return client.ask("PUT", AT, json={"alias": alias, "product": product})


def test_an_operator_maps_a_product_and_takes_it_back(owner: Client, ledger: Ledger) -> None:
    operator = client_of(owner.http, ledger, owner.org, "operator")
    made = put(operator, "Digium:Asterisk", "cpe:2.3:a:asterisk:asterisk:*:*:*:*:*:*:*:*")
    assert made.status_code == 200, made.text
    assert (made.json()["alias"], made.json()["product"]) == ("a:digium:asterisk", "a:asterisk:asterisk")
    assert owner.get(f"/jobs/{made.json()['job']}")["kind"] == "advisories.rematch"
    assert [(one["alias"], one["product"]) for one in owner.get(AT)["items"]] == [("a:digium:asterisk", "a:asterisk:asterisk")]
    assert put(operator, "digium:asterisk", "asterisk:asterisk").json()["job"] is None
    gone = operator.ask("DELETE", AT, params={"alias": "digium:asterisk"})
    assert (gone.status_code, gone.json()["job"] is None, owner.get(AT)["items"]) == (200, False, [])
    assert operator.ask("DELETE", AT, params={"alias": "digium:asterisk"}).status_code == 404
    with ledger.database.transaction(owner.org) as session:
        told = (
            wire_of(session)
            .execute("select operation, object, reason from audit_entry where operation like 'alias.%' order by 1")
            .fetchall()
        )
    assert told == [("alias.remove", "a:digium:asterisk", None), ("alias.set", "a:digium:asterisk", "stands for a:asterisk:asterisk")]


@pytest.mark.parametrize("role", ["viewer", "analyst", "auditor"])
def test_who_does_not_operate_maps_nothing(owner: Client, ledger: Ledger, role: str) -> None:
    somebody = client_of(owner.http, ledger, owner.org, role)
    assert put(somebody, "digium:asterisk", "asterisk:asterisk").status_code == 403
    assert somebody.ask("DELETE", AT, params={"alias": "digium:asterisk"}).status_code == 403
    assert somebody.get(AT)["items"] == []


def test_a_product_that_no_advisory_names_is_refused_with_the_nearest(owner: Client) -> None:
    told = put(owner, "digium:asterisk", "asterisk:asterix")
    assert (told.status_code, told.json()["field"], told.json()["did_you_mean"]) == (422, "/product", "asterisk:asterisk")


@pytest.mark.parametrize("text", ["asterisk", "a:b:c:d", ":", "cpe:2.3:a:*:*", "cpe:2.3:q:a:b", "x:" + "y" * 400])
def test_what_names_no_product_is_refused(owner: Client, text: str) -> None:
    assert put(owner, text, "asterisk:asterisk").status_code == 422
    assert put(owner, "digium:asterisk", text).status_code == 422


def test_a_name_that_only_a_scanner_uses_may_be_mapped(owner: Client) -> None:
    assert put(owner, "pbx inc:pbx", "asterisk:asterisk").json()["alias"] == "a:pbx_inc:pbx"


def test_a_chain_and_a_circle_are_refused_with_what_to_do(owner: Client) -> None:
    assert put(owner, "asterisk:asterisk", "asterisk:asterisk").status_code == 409
    assert put(owner, "digium:asterisk", "asterisk:asterisk").status_code == 200
    circle = put(owner, "asterisk:asterisk", "digium:asterisk")
    assert (circle.status_code, "already" in circle.json()["detail"]) == (409, True)
    longer = put(owner, "linux:kernel", "digium:asterisk")
    assert (longer.status_code, "map a:linux:kernel to a:asterisk:asterisk" in longer.json()["detail"]) == (409, True)
    above = put(owner, "asterisk:asterisk", "linux:linux_kernel")
    assert (above.status_code, "a:digium:asterisk stand for" in above.json()["detail"]) == (409, True)
    assert put(owner, "digium:asterisk", "linux:linux_kernel").json()["product"] == "o:linux:linux_kernel"


def test_the_command_line_maps_lists_and_takes_back(ledger: Ledger, org: UUID) -> None:
    desk = OpenDesk(ledger, org)
    assert (
        desk.run(commands, "alias", "add", "digium:asterisk", "asterisk:asterisk").stdout
        == "a:digium:asterisk stands for a:asterisk:asterisk.\n"
    )
    assert "a:digium:asterisk" in desk.run(commands, "alias", "list").stdout
    assert '"total": 1' in desk.run(commands, "alias", "list", "--json").stdout
    assert desk.run(commands, "alias", "rm", "digium:asterisk").exit_code == 0
    assert '"total": 0' in desk.run(commands, "alias", "list", "--json").stdout


def test_matches_follow_a_mapping_and_its_end(worker: Worker, org: UUID) -> None:
    world = World(worker, org)
    try:
        world.say(normal(product="shellserver"))
        world.runs("192.0.2.1", "8.9p1")
        assert world.match()["adv_match"] == 0
        desk = OpenDesk(worker.ledger, org)
        assert desk.run(commands, "alias", "add", "openbsd:matchssh", "openbsd:shellserver").exit_code == 0
        worker.run_all(org)
        world.match()
        assert world.rows("select k, gone_at is null from adv_match") == [(K, True)]
        assert desk.run(commands, "alias", "rm", "openbsd:matchssh").exit_code == 0
        worker.run_all(org)
        world.match()
        assert world.rows("select k, gone_at is null from adv_match") == [(K, False)]
    finally:
        world.unsay([K])


def test_a_change_is_told_to_other_organisations_by_the_number_of_the_advisories(worker: Worker, org: UUID) -> None:
    world = World(worker, org)
    try:
        world.say(normal(product="shellserver"), normal(K + 1, product="unrelated"))
        before = dict(world.rows(f"select k, revision from adv_cve where k in ({K}, {K + 1})"))
        OpenDesk(worker.ledger, org).run(commands, "alias", "add", "openbsd:matchssh", "openbsd:shellserver")
        worker.run_all(org)
        after = dict(world.rows(f"select k, revision from adv_cve where k in ({K}, {K + 1})"))
        assert (after[K] > before[K], after[K + 1]) == (True, before[K + 1])
    finally:
        world.unsay([K, K + 1])


def test_setting_the_same_alias_twice_changes_nothing(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        first = aliases.set_alias(session, org, "digium:asterisk", "asterisk:asterisk", actor="test")
        again = aliases.set_alias(session, org, "digium:asterisk", "asterisk:asterisk", actor="test")
    assert (first[0], len(first[1]), again) == (again[0], 2, (first[0], []))


@pytest.mark.data
@pytest.mark.parametrize("name", ["debian", "man"])
def test_recorded_aliases_are_one_product_each(ledger: Ledger, org: UUID, name: str) -> None:
    recorded = shared_json(f"vectors/aliases/search_vulns__{name}_equiv_cpes.json")
    mapped, chains = {}, 0
    with ledger.database.transaction(org) as session:
        for canonical, others in recorded.items():
            with curating(session) as wire:
                Products().number(wire, [(part or "a", vendor, product) for part, vendor, product in [named.read(canonical, "/product")]])
            for other in others:
                try:
                    aliases.set_alias(session, org, other, canonical, actor="test")
                except Conflict:
                    chains += 1
                else:
                    mapped[named.read(other, "/alias")] = canonical  # the last word counts: some are listed under several
        wire = wire_of(session)
        for other, canonical in mapped.items():
            found, root = named.find(wire, other), named.find(wire, named.read(canonical, "/product"))
            assert found is not None
            assert root is not None
            assert (found.canonical, root.canonical) == (root.id, None)
        session.rollback()
    assert len(mapped) > 10
    assert chains < 0.1 * len(mapped)
