"""API keys: shown once, checked each time, never more powerful than their maker."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.api.floor import Client, client_of
from watchfloor.kernel.errors import InvalidInput, NotFound, Unauthenticated
from watchfloor.kernel.security import parse_api_key
from watchfloor.kernel.tenancy.keys import authenticate, make_key, revoke, still_valid
from watchfloor.kernel.tenancy.permissions import policy

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger


def test_a_key_names_its_org_role_and_itself(ledger: Ledger, org: UUID) -> None:
    text = make_key(ledger, org, name="deploy", role="operator", actor="test")
    actor = authenticate(ledger, f"Bearer {text}")
    assert (actor.org, actor.role, actor.name) == (org, "operator", f"deploy#{parse_api_key(text).id}")
    assert actor.may("job.run:scans.run")
    assert not actor.may("apikey.manage")
    assert still_valid(ledger, actor)


def test_the_secret_is_not_in_the_database(ledger: Ledger, org: UUID, postgres: str) -> None:
    key = parse_api_key(make_key(ledger, org, name="deploy", role="viewer", actor="test"))
    with psycopg.connect(postgres) as wire:
        row = wire.execute("select to_jsonb(k)::text from api_key k where public_id = %s", (key.id,)).fetchone()
    assert row is not None
    assert key.secret not in row[0]


def test_the_right_id_with_another_secret_is_refused(ledger: Ledger, org: UUID) -> None:
    from watchfloor.kernel.security import ApiKey  # noqa: PLC0415 - here alone

    real = parse_api_key(make_key(ledger, org, name="deploy", role="viewer", actor="test"))
    with pytest.raises(Unauthenticated):
        authenticate(ledger, f"Bearer {ApiKey(real.id, 'A' * 43).text}")


def test_revoking_ends_a_key_and_an_unknown_one_is_not_found(ledger: Ledger, org: UUID, stranger: UUID) -> None:
    actor = authenticate(ledger, f"Bearer {make_key(ledger, org, name='deploy', role='viewer', actor='test')}")
    with pytest.raises(NotFound):
        revoke(ledger, stranger, actor.key, actor="test")
    assert still_valid(ledger, actor)
    revoke(ledger, org, actor.key, actor="test")
    assert not still_valid(ledger, actor)


@pytest.mark.parametrize(
    ("name", "role", "days"),
    [
        ("", "viewer", 1),
        ("x" * 201, "viewer", 1),
        ("a\nb", "viewer", 1),
        ("x", "king", 1),
        ("x", "platform", 1),
        ("x", "viewer", 0),
        ("x", "viewer", 400),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(ledger: Ledger, org: UUID, name: str, role: str, days: int) -> None:
    with pytest.raises(InvalidInput):
        make_key(ledger, org, name=name, role=role, actor="test", expires=timedelta(days=days))


def test_nobody_makes_a_key_more_powerful_than_their_own(owner: Client, ledger: Ledger) -> None:
    admin = client_of(owner.http, ledger, owner.org, "admin")
    assert admin.ask("POST", "/keys", json={"name": "x", "role": "owner"}).status_code == 403
    assert (
        admin.ask("POST", "/keys", json={"name": "x", "role": "auditor"}).status_code == 403
    )  # auditors read the audit trail, admins do not
    assert admin.post("/keys", {"name": "x", "role": "operator"})["key"].startswith("wf_")


def test_nobody_revokes_the_key_they_stand_on(owner: Client) -> None:
    key = owner.get("/keys")["items"][0]["id"]
    assert owner.ask("DELETE", f"/keys/{key}").status_code == 409


def test_the_list_of_keys_shows_no_secret(owner: Client) -> None:
    (shown,) = owner.get("/keys")["items"]
    assert set(shown) == {"id", "public_id", "name", "role", "created_by", "created_at", "expires_at", "revoked_at", "used_at"}
    assert shown["used_at"] is not None


def test_only_the_default_orgs_owner_runs_the_machine(owner: Client, platform: Client, ledger: Ledger) -> None:
    assert "platform.queues" in platform.get("/whoami")["permissions"]
    assert "platform.queues" not in owner.get("/whoami")["permissions"]
    admin = client_of(owner.http, ledger, platform.org, "admin")
    assert "platform.queues" not in admin.get("/whoami")["permissions"]


def test_each_role_holds_what_the_matrix_says() -> None:
    held = policy().roles
    assert held["viewer"] < held["operator"] < held["admin"] < held["owner"]
    assert held["viewer"] < held["analyst"]
    assert not {
        permission
        for permission in held["auditor"]
        if permission.split(".")[1] in {"manage", "cancel", "replay", "triage"} or permission.startswith("job.run")
    }
    assert all(not permission.startswith("platform.") for role in policy().names() for permission in held[role])
