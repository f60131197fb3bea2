"""Assets: seen often, kept once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.assets.queries import get_asset, list_assets

if TYPE_CHECKING:
    from uuid import UUID

    from tests.api.floor import Client
    from watchfloor.kernel.jobs.ledger import Ledger


def test_an_asset_seen_twice_is_one(ledger: Ledger, org: UUID) -> None:
    with ledger.database.transaction(org) as session:
        first = see(session, org, kind="host", key="192.0.2.1", name="a.example")
    with ledger.database.transaction(org) as session:
        assert see(session, org, kind="host", key="192.0.2.1") == first
        found = get_asset(session, org, first)
        assert found.name == "a.example"
        assert found.last_seen > found.first_seen
        assert len(list_assets(session, org).items) == 1


def test_the_same_key_in_another_org_is_another_asset(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    seen = set()
    for one in (org, stranger):
        with ledger.database.transaction(one) as session:
            seen.add(see(session, one, kind="host", key="192.0.2.1"))
    assert len(seen) == 2


def test_tags_replace_each_other_and_filter(owner: Client, ledger: Ledger) -> None:
    with ledger.database.transaction(owner.org) as session:
        asset = see(session, owner.org, kind="host", key="192.0.2.1")
        see(session, owner.org, kind="site", key="https://example.org")
    owner.ask("PUT", f"/assets/{asset}/tags", json={"tags": ["old"]})
    shown = owner.ask("PUT", f"/assets/{asset}/tags", json={"tags": ["dmz", "web", "dmz"]}).json()
    assert shown["tags"] == ["dmz", "web"]
    assert owner.get("/assets", tag="web")["items"] == owner.get("/assets", kind="host")["items"] == [shown]
    assert owner.get("/assets", tag="old")["items"] == []
    assert owner.ask("PUT", f"/assets/{asset}/tags", json={"tags": ["a,b"]}).status_code == 422
