"""Facts about routes and silences that choose assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import client_of
from watchfloor.kernel.assets import inventory
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.findings.ledger import record

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AT = "/notifications"


def seen(world: World, key: str, *tags: str, name: str | None = None) -> UUID:
    with world.ledger.database.transaction(world.org) as session:
        asset = inventory.see(session, world.org, kind="host", key=key, name=name)
        inventory.tag(session, world.org, asset, tags, actor="test")
        return asset


def opened(world: World, asset: UUID, target: str) -> UUID:
    """Open a finding as a scan does; return the event that says so."""
    with world.ledger.database.transaction(world.org) as session:
        record(
            session, world.org, key=target, capability="scans", check="c", asset=asset, target=target, port=23, title="Telnet is open",
            severity=Severity.HIGH, evidence={}, remedy="r", job=None,
        )  # fmt: skip
    return world.sql("select id from event where name = 'finding.opened' order by id desc limit 1")[0][0]  # type: ignore[no-any-return] # a row


@pytest.mark.parametrize(
    ("chosen", "comes"),
    [
        ({"tags": ["prod"]}, True), ({"tags": ["lab"]}, False), ({"names": ["web-*.example.org"]}, True), ({"names": ["192.0.2.*"]}, True),
        ({"names": ["db-*"]}, False), ({"exclude_tags": ["PROD"]}, False), ({"exclude_names": ["db-*"]}, True), ({"names": []}, True),
    ],
)  # fmt: skip
def test_a_route_tells_only_of_the_assets_that_it_chooses(
    world: World, owner: Client, receiver: Receiver, chosen: dict[str, Any], *, comes: bool
) -> None:
    asset = seen(world, "192.0.2.1", "prod", "web", name="web-1.example.org")
    hook = str(world.channel(receiver.url))
    made = owner.post(f"{AT}/routes", {"name": "some", "channels": [hook], "events": ["finding.*"], "asset_filter": chosen})
    assert (made["asset_filter"] is None) == (chosen == {"names": []})
    world.told(opened(world, asset, "192.0.2.1"))
    assert [len(receiver.came), len(world.rows())] == [int(comes)] * 2


def test_tags_count_as_they_are_when_it_is_told(world: World, receiver: Receiver) -> None:
    asset = seen(world, "192.0.2.1")
    world.route(world.channel(receiver.url), asset_filter={"tags": ["prod"]})
    world.told(opened(world, asset, "192.0.2.1"))
    seen(world, "192.0.2.1", "prod")
    world.told(opened(world, asset, "192.0.2.1:23"), world.happened("finding.opened", target="192.0.2.1"))
    assert len(receiver.came) == 1


def test_a_match_of_many_assets_reaches_whoever_looks_after_one_of_them(world: World, receiver: Receiver) -> None:
    lab, web = seen(world, "192.0.2.2", "lab"), seen(world, "192.0.2.1", "prod")
    for number, tag in enumerate(("lab", "prod", "office")):
        world.route(world.channel(f"{receiver.url}/{number}"), asset_filter={"tags": [tag]})
    world.told(world.happened("match.new", cve="CVE-2026-0001", assets=[str(lab), str(web)], count=2))
    assert world.sql("select count(*) from delivery where state = 'sent'") == [(2,)]
    world.told(world.happened("match.new", cve="CVE-2026-0002", assets=[str(lab)], count=21))
    assert world.sql("select count(*) from delivery where state = 'sent'") == [(5,)]


def test_a_silence_of_a_tag_silences_its_assets_and_no_other(world: World, owner: Client, receiver: Receiver) -> None:
    lab, web = seen(world, "192.0.2.2", "lab"), seen(world, "192.0.2.1", "prod")
    world.route(world.channel(receiver.url))
    quiet = {
        "matchers": {"assets": {"tags": ["lab"]}},
        "starts_at": "2026-01-01T00:00:00Z",
        "ends_at": "2026-12-31T00:00:00Z",
        "reason": "rebuild",
    }
    owner.post(f"{AT}/silences", quiet)
    world.told(opened(world, lab, "192.0.2.2"), opened(world, web, "192.0.2.1"))
    world.told(world.happened("match.new", assets=[str(lab), str(web)], count=2))
    assert sorted(world.rows()) == [("sent", None, 1), ("sent", None, 1), ("suppressed", "silenced", 0)]


def test_who_is_named_is_told_by_their_routes_filters_too(world: World, receiver: Receiver) -> None:
    seen(world, "192.0.2.1", "prod")
    world.route(world.channel(receiver.url, owner="ann"), owner="ann", asset_filter={"tags": ["prod"]})
    for kind, more in (("send_event_notifications", {"user_id": "ann"}), ("send_bulk_notifications", {"user_ids": ["ann"]})):
        for target in ("192.0.2.1", "192.0.2.9"):
            world.done(f"notifications.{kind}", event="finding.opened", data={"target": target}, **more)
    assert len(receiver.came) == 2


def test_a_mandatory_route_knows_no_filter_so_that_none_is_taken_for_one(world: World, owner: Client, receiver: Receiver) -> None:
    asked = {"name": "some", "channels": [str(world.channel(receiver.url))], "asset_filter": {"tags": ["prod"]}}
    assert owner.ask("POST", f"{AT}/routes", json={**asked, "mandatory": True}).status_code == 422
    route = owner.post(f"{AT}/routes", asked)["id"]
    refused = owner.ask("PATCH", f"{AT}/routes/{route}", json={"mandatory": True})
    assert (refused.status_code, refused.json()["field"]) == (422, "/asset_filter")
    assert owner.get(f"{AT}/routes/{route}")["mandatory"] is False
    changed = owner.ask("PATCH", f"{AT}/routes/{route}", json={"mandatory": True, "asset_filter": None}).json()
    assert (changed["mandatory"], changed["asset_filter"]) == (True, None)


def test_a_filter_is_seen_in_a_preview_changed_and_taken_away(world: World, owner: Client, receiver: Receiver) -> None:
    seen(world, "192.0.2.1", "prod")
    hook = str(world.channel(receiver.url))
    route = owner.post(f"{AT}/routes", {"name": "some", "channels": [hook], "asset_filter": {"tags": ["lab"]}})["id"]
    asked = {"event": "finding.opened", "data": {"target": "192.0.2.1"}, "dropped": True}
    (left,) = owner.post(f"{AT}/routes/preview", asked)["decisions"]
    assert (left["state"], left["reason"]) == ("dropped", "other_asset")
    changed = owner.ask("PATCH", f"{AT}/routes/{route}", json={"asset_filter": {"tags": ["prod"]}}).json()
    assert changed["asset_filter"]["tags"] == ["prod"]
    assert owner.post(f"{AT}/routes/preview", asked)["counts"] == {"due": 1}
    assert owner.ask("PATCH", f"{AT}/routes/{route}", json={"asset_filter": None}).json()["asset_filter"] is None


@pytest.mark.parametrize("wrong", [{"colours": ["red"]}, {"names": [""]}, {"tags": ["x"] * 101}, {"names": ["x" * 201]}, "prod"])
def test_a_filter_that_means_nothing_is_refused(world: World, owner: Client, receiver: Receiver, wrong: object) -> None:
    asked = {"name": "some", "channels": [str(world.channel(receiver.url))], "asset_filter": wrong}
    assert owner.ask("POST", f"{AT}/routes", json=asked).status_code == 422


def test_another_organisations_tags_choose_nothing(
    world: World, http: httpx.Client, owner: Client, stranger: UUID, receiver: Receiver
) -> None:
    seen(world, "192.0.2.1", "prod")
    other = client_of(http, world.ledger, stranger, "owner")
    own = other.post(f"{AT}/channels", {"kind": "email", "email": "eve@example.org"})["id"]
    other.post(f"{AT}/routes", {"name": "some", "channels": [own], "asset_filter": {"tags": ["prod"]}})
    asked = {"event": "finding.opened", "data": {"target": "192.0.2.1"}, "dropped": True}
    assert other.post(f"{AT}/routes/preview", asked)["counts"] == {"dropped": 1}
    world.route(world.channel(receiver.url), asset_filter={"tags": ["prod"]})
    assert owner.post(f"{AT}/routes/preview", asked)["counts"] == {"due": 1}
