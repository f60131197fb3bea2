"""Facts about what people have who never said how they want to be told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from psycopg.types.json import Jsonb

from tests.api.floor import client_of
from watchfloor.capabilities.notifications.queries import unsubscribing, wishes
from watchfloor.capabilities.notifications.schemas.preferences import Wishes
from watchfloor.kernel import clock
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import Conflict

if TYPE_CHECKING:
    from uuid import UUID

    import httpx

    from tests.api.floor import Client
    from tests.notifications.receiver import Receiver
    from tests.notifications.world import World

AT = "/notifications/preferences/default"
# The whole day, which nobody may ask for over REST: here it is quiet whenever the tests run.
NIGHT = [{"start": "00:00", "end": "23:59"}, {"start": "23:58", "end": "00:01"}]
SEND = "notifications.send_event_notifications"


def default(world: World, **more: Any) -> None:
    with world.ledger.database.transaction(world.org) as session:
        wishes.set_default_preference(session, world.org, Wishes.model_validate(more), actor="test")


def tell(world: World, user: str = "ann", severity: str = "info") -> list[str]:
    made = world.done(SEND, event="scan.completed", data={}, user_id=user, severity=severity)
    return [one["state"] for one in made["notifications"]]


def test_who_never_said_anything_has_the_organisations_quiet_hours(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    default(world, quiet=NIGHT)
    assert tell(world) == ["held"]
    assert tell(world, severity="critical") == ["sent"]


def test_who_said_something_has_nothing_of_the_defaults(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    default(world, quiet=NIGHT, opted_out=["scan.*"])
    world.wish("ann", max_per_hour=50)
    assert tell(world) == ["sent"]


def test_who_is_paused_or_unsubscribes_keeps_what_the_organisation_wishes_for_them(world: World) -> None:
    default(world, opted_out=["report.*"], max_per_hour=7)
    with world.ledger.database.transaction(world.org) as session:
        wishes.pause(session, world.org, "ann", clock.now() + timedelta(hours=1), actor="ann")
        unsubscribing.opt_out(session, world.org, "bob", "finding.opened", request_id=None, address=None)
        ann, bob = (wishes.get_preference(session, world.org, user).wishes for user in ("ann", "bob"))
    assert (ann.max_per_hour, set(ann.opted_out)) == (7, {"report.*"})
    assert (bob.max_per_hour, set(bob.opted_out)) == (7, {"report.*", "finding.opened"})


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({"opted_out": ["scan.*"]}, ["suppressed"]), ({"quiet": NIGHT, "bypass_severity": "info"}, ["sent"]),
        ({"quiet": NIGHT, "bypass_severity": "info", "bypass_per_hour": 0}, []), ({"enabled_channels": ["email"]}, []), ({"min_severity": "high"}, []),
    ],
)  # fmt: skip
def test_every_default_counts(world: World, receiver: Receiver, said: dict[str, Any], state: list[str]) -> None:
    world.channel(receiver.url, owner="ann")
    default(world, **said)
    assert tell(world) == state


def test_more_than_the_default_allows_in_an_hour_waits_for_a_digest(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    default(world, max_per_hour=1)
    assert tell(world) == ["sent"]
    assert tell(world) == []
    assert world.sql("select reason from notify_digest") == [("rate_cap",)]


def test_an_event_that_is_followed_by_default_reaches_everybody_with_a_channel(world: World, receiver: Receiver) -> None:
    for user in ("ann", "bob"):
        world.channel(f"{receiver.url}/{user}", owner=user)
    world.wish("bob", enabled_events=["finding.*"])
    default(world, enabled_events=["scans.*"])
    world.told(world.happened("scans.finished"))
    assert world.sql("select user_id, state from delivery") == [("ann", "sent")]


def test_routes_heed_defaults_unless_they_are_mandatory_or_nobodys(world: World, receiver: Receiver) -> None:
    default(world, opted_out=["scans.*"])
    world.route(world.channel(f"{receiver.url}/1", owner="ann"), owner="ann")
    world.route(world.channel(f"{receiver.url}/2", owner="bob"), owner="bob", mandatory=True)
    world.route(world.channel(f"{receiver.url}/3"))
    world.told(world.happened("scans.finished"))
    assert sorted(world.sql("select user_id, state, reason from delivery")) == [
        ("", "sent", None),
        ("ann", "suppressed", "opted_out"),
        ("bob", "sent", None),
    ]


def test_defaults_that_change_decide_about_what_is_held(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    default(world, quiet=NIGHT)
    assert tell(world) == ["held"]
    default(world, opted_out=["scan.*"])
    world.now()
    assert world.rows() == [("suppressed", "opted_out", 0)]


def test_who_unsubscribes_from_what_the_organisation_left_out_already_saves_nothing(world: World) -> None:
    default(world, opted_out=["report.*"])
    with world.ledger.database.transaction(world.org) as session:
        assert not unsubscribing.opt_out(session, world.org, "ann", "report.ready", request_id=None, address=None)
        assert wishes.get_preference(session, world.org, "ann").revision == 0


def test_who_unsubscribes_from_more_than_there_may_be_is_refused_and_everybody_is_told_as_before(world: World, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    default(world, opted_out=[f"noun_{n}.verb" for n in range(unsubscribing.MOST)])
    with pytest.raises(Conflict), world.ledger.database.transaction(world.org) as session:
        unsubscribing.opt_out(session, world.org, "ann", "report.ready", request_id=None, address=None)
    assert tell(world) == ["sent"]


def test_defaults_are_kept_counted_and_taken_back(world: World, owner: Client, receiver: Receiver) -> None:
    world.channel(receiver.url, owner="ann")
    assert owner.get(AT)["revision"] == 0
    body = {"timezone": "Europe/Berlin", "quiet": [{"start": "22:00", "end": "07:00"}]}
    assert owner.ask("PUT", AT, json=body).json()["revision"] == 1
    assert owner.get("/notifications/preferences/ann")["wishes"]["timezone"] == "Europe/Berlin"
    assert owner.get("/notifications/preferences/ann")["revision"] == 0
    assert owner.ask("PUT", AT, json={}).json()["revision"] == 2
    assert tell(world) == ["sent"]
    whole = {"quiet": [{"start": "00:00", "end": "00:00"}]}
    assert [owner.ask("PUT", AT, json=one).status_code for one in (whole, {"timezone": "Mars/Olympus"}, {"colour": 1})] == [422, 422, 422]
    assert (
        world.sql("select operation from audit_entry where operation like 'notify.set_default%%'")
        == [("notify.set_default_preference",)] * 2
    )


def test_only_administrators_set_defaults(world: World, http: httpx.Client) -> None:
    asked = {
        role: client_of(http, world.ledger, world.org, role).ask("PUT", AT, json={}).status_code
        for role in ("owner", "admin", "operator", "analyst")
    }
    assert asked == {"owner": 200, "admin": 200, "operator": 403, "analyst": 403}
    assert client_of(http, world.ledger, world.org, "viewer").get(AT)["revision"] == 2


def test_one_organisations_defaults_are_nobody_elses(
    world: World, http: httpx.Client, owner: Client, stranger: UUID, receiver: Receiver
) -> None:
    other = client_of(http, world.ledger, stranger, "owner")
    other.ask("PUT", AT, json={"opted_out": ["*"]})
    world.channel(receiver.url, owner="ann")
    assert tell(world) == ["sent"]
    assert (owner.get(AT)["revision"], other.get(AT)["wishes"]["opted_out"]) == (0, ["*"])


@pytest.mark.parametrize("own", ["their own wishes", "no wishes"])
def test_twenty_thousand_people_are_decided_about_in_one_statement_that_needs_no_statistics(world: World, own: str) -> None:
    world.sql(
        "insert into notify_channel (org, id, owner, kind, kid, config, shown, address, host, state, created_by) "
        "select %s, gen_random_uuid(), 'user-' || n, 'email', 'none', ''::bytea, '', sha256(('user-' || n)::bytea), 'relay', 'active', 'test' "
        "from generate_series(1, 20000) n",
        world.org,
    )
    said = Wishes.model_validate({"enabled_events": ["finding.*"], "opted_out": ["finding.opened"]})
    if own == "no wishes":
        default(world, **said.model_dump(mode="json", exclude_none=True))
    else:
        world.sql(
            "insert into notify_preference (org, id, user_id, wishes, changed_by) "
            "select %s, gen_random_uuid(), 'user-' || n, %s, 'test' from generate_series(1, 20000) n",
            world.org,
            Jsonb(said.model_dump(mode="json", exclude_none=True)),
        )
    assert world.told(world.happened("finding.opened", severity=Severity.HIGH))["suppressed"] == 20_000
    assert world.sql("select count(*), count(distinct user_id) from delivery where reason = 'opted_out'") == [(20_000, 20_000)]
