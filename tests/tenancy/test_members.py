"""People: said by whoever may manage them, never more powerful than who says it, kept on record when they are removed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.api.floor import Client, client_of
from tests.cli.desk import OpenDesk
from watchfloor.kernel.errors import NotFound
from watchfloor.kernel.tenancy.cli import members

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


def put(client: Client, name: str, role: str, **more: object) -> int:
    """Say what somebody is; return the status."""
    return client.ask("PUT", f"/members/{name}", json={"role": role, **more}).status_code


def test_somebody_is_what_was_said_last(owner: Client) -> None:
    assert put(owner, "ann", "viewer") == 200
    assert put(owner, "ann", "auditor", enabled=False) == 200
    (shown,) = owner.get("/members")["items"]
    assert {key: shown[key] for key in ("name", "role", "state")} == {"name": "ann", "role": "auditor", "state": "disabled"}


def test_who_is_removed_stays_on_record_and_can_come_back(owner: Client) -> None:
    put(owner, "ann", "viewer")
    assert [owner.ask("DELETE", "/members/ann").status_code for _ in range(2)] == [204, 204]
    assert owner.get("/members")["items"][0]["state"] == "removed"
    put(owner, "ann", "viewer")
    assert owner.get("/members")["items"][0]["state"] == "active"


def test_who_is_unknown_cannot_be_removed(owner: Client) -> None:
    assert owner.ask("DELETE", "/members/ann").status_code == 404


@pytest.mark.parametrize(
    ("name", "role", "status"), [("ann", "king", 422), ("ann", "platform", 422), ("a%0Ab", "viewer", 422), ("%20", "viewer", 422)]
)
def test_what_makes_no_sense_is_refused(owner: Client, name: str, role: str, status: int) -> None:
    assert put(owner, name, role) == status


def test_nobody_makes_somebody_more_powerful_than_themselves(owner: Client, ledger: Ledger) -> None:
    admin = client_of(owner.http, ledger, owner.org, "admin")
    assert (put(admin, "ann", "owner"), put(admin, "ann", "auditor"), put(admin, "ann", "operator")) == (403, 403, 200)


@pytest.mark.parametrize("role", ["operator", "analyst", "auditor", "viewer"])
def test_who_may_not_manage_people_neither_sees_nor_changes_them(owner: Client, ledger: Ledger, role: str) -> None:
    client = client_of(owner.http, ledger, owner.org, role)
    assert (client.ask("GET", "/members").status_code, put(client, "ann", "viewer")) == (403, 403)


def test_another_organisation_has_people_of_its_own(owner: Client, ledger: Ledger, stranger: UUID) -> None:
    other = client_of(owner.http, ledger, stranger, "owner")
    put(owner, "ann", "viewer")
    assert other.get("/members")["items"] == []
    assert other.ask("DELETE", "/members/ann").status_code == 404
    put(other, "ann", "owner")
    assert [one["role"] for one in owner.get("/members")["items"]] == ["viewer"]


def test_every_change_is_audited(owner: Client, postgres: str) -> None:
    put(owner, "ann", "viewer")
    owner.ask("DELETE", "/members/ann")
    with psycopg.connect(postgres) as wire:
        rows = wire.execute(
            "select operation, object from audit_entry where org = %s and operation like 'member.%%'", (owner.org,)
        ).fetchall()
    assert sorted(rows) == [("member.remove", "ann"), ("member.set", "ann")]


def test_the_command_line_says_and_shows_the_same(ledger: Ledger, org: UUID) -> None:
    desk = OpenDesk(ledger, org)
    made = json.loads(desk.run(members, "set", "ann", "--role", "auditor", "--disabled", "--json").stdout)
    assert (made["name"], made["role"], made["state"]) == ("ann", "auditor", "disabled")
    assert "told nothing more" in desk.run(members, "remove", "ann").stdout
    assert json.loads(desk.run(members, "list", "--json").stdout)[0]["state"] == "removed"
    assert "ann" in desk.run(members, "list").stdout
    assert isinstance(desk.run(members, "remove", "ben").exception, NotFound)
