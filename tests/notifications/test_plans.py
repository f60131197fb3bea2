"""Facts about how it is asked who follows an event: by the same indexes, whatever the database believes of how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import make_org
from watchfloor.capabilities.notifications.queries import telling
from watchfloor.kernel.clock import now
from watchfloor.kernel.db.ids import first_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import heard_as

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.notifications.world import World

LOOKED_UP = {
    "c_2": "notify_channel_pkey",
    "d": "delivery_user",
    "m": "member_org_name_key",
    "m_1": "member_org_name_key",
    "p": "notify_preference_org_user_id_key",
    "p_1": "notify_preference_org_user_id_key",
    "r_1": "notify_route_org_owner_name_key",
}
TABLES = "notify_channel, notify_preference, notify_route, delivery, notification, member, api_key, notify_suppression"


def people(world: World, org: UUID, many: int) -> None:
    """Add people with a channel, a route, wishes, a role and something that they were told already."""
    with world.ledger.database.transaction(org) as session:
        wire, values = wire_of(session), {"org": org, "many": many}
        for text in (
            (
                "insert into notify_channel (org, id, owner, kind, kid, config, shown, address, host, state, created_by) select %(org)s, gen_random_uuid(), "
                "'user-' || n, 'email', 'none', ''::bytea, '', sha256(('user-' || n)::bytea), 'relay', 'active', 'test' from generate_series(1, %(many)s) n"
            ),
            (
                "insert into notify_preference (org, id, user_id, wishes, changed_by) select org, gen_random_uuid(), owner, "
                """'{"enabled_events": ["finding.*"]}', 'test' from notify_channel"""
            ),
            (
                "insert into notify_route (org, id, owner, name, events, min_severity, channels, mandatory, enabled, created_by) select org, "
                "gen_random_uuid(), owner, 'all', array['*'], 'info', array[id], false, true, 'test' from notify_channel where owner like '%%1'"
            ),
            (
                "insert into member (org, id, name, role, state, created_by, changed_by) select org, gen_random_uuid(), owner, 'viewer', 'active', 'test', 'test' "
                "from notify_channel"
            ),
            (
                "insert into notification (org, id, type, dedup_key, severity, subject_kind, subject_id, asset, title, kid, message, occurred_at, expires_at) "
                "select %(org)s, wf_new_id(), 'test.done', 'k', 'info', '', '', '', 't', 'none', ''::bytea, wf_now(), wf_now()"
            ),
            (
                "insert into delivery (org, id, notification, channel, user_id, lane, host, idem, state, due_at, first_due_at, expires_at, sent_at) select c.org, "
                "wf_new_id(), n.id, c.id, c.owner, 'email', 'relay', sha256(c.owner::bytea), 'sent', wf_now(), wf_now(), wf_now(), wf_now() "
                "from notify_channel c, notification n"
            ),
        ):
            wire.execute(text, values)


def scans(node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield by which index each table is read."""
    if "Alias" in node and "Scan" in node["Node Type"]:
        yield node["Alias"], node.get("Index Name", node["Node Type"])
    for inner in node.get("Plans", ()):
        yield from scans(inner)


KNOWN = {"nothing": (0, 0), "one person of each of many": (1, 20), "many people of another": (2000, 1)}


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("asked", ["FOLLOWING", "NAMED"])
def test_people_are_looked_up_by_their_keys_whatever_is_known_of_how_many_there_are(
    world: World, postgres: str, known: str, asked: str
) -> None:
    many, others = KNOWN[known]
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute(f"truncate {TABLES} cascade")
        for _ in range(others):
            people(world, make_org(world.ledger), many)
        wire.execute(f"analyze {TABLES}")
    people(world, world.org, 2000)
    values = {"org": world.org, "heard": heard_as("finding.opened"), "users": ["user-1", "user-2"], "hour": first_id(now() - telling.HOUR)}
    with world.ledger.database.transaction(world.org) as session:
        wire_of(session).execute(telling.UNSORTED, ("off",))
        ((plan,),) = wire_of(session).execute("explain (format json) " + getattr(telling, asked), values).fetchall()
    assert {name: index for name, index in scans(plan[0]["Plan"]) if name in LOOKED_UP} == LOOKED_UP


def test_nothing_else_in_the_transaction_is_kept_from_sorting(world: World) -> None:
    with world.ledger.database.transaction(world.org) as session:
        telling.list_candidates(session, world.org, "finding.opened")
        assert wire_of(session).execute("show enable_sort").fetchone() == ("on",)
