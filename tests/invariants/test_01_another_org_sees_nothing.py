"""Promise 01: another organisation sees nothing, whichever door it tries."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.api.floor import PNG, Client, a_report, client_of, document, work
from tests.db.test_schema import SHARED
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.queries import channels, telling
from watchfloor.kernel.artifacts.store import store
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.assets.scope import add_scope
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.rls import OWN_ORG, PLATFORM_ORG
from watchfloor.kernel.findings.ledger import record
from watchfloor.kernel.findings.queries import list_findings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger

# Roles that pass their own organisation's id under another name.
ORG_COLUMN = {"org": "id", "lane": "org"}
BODIES: dict[str, Any] = {
    "tag_asset": {"tags": ["x"]},
    "triage_finding": {"state": "false_positive", "reason": "x"},
    "expose_asset": {"exposure": "internet"},
    "change_watch": {"min_score": 50},
    "change_channel": {"label": "x"},
    "change_route": {"name": "x"},
    "create_artifact_link": {},
    "create_report_link": {},
    "create_scan_report": {},
    "hold_report": {"reason": "x"},
    "set_report_logo": PNG,
}
# Addressed by a name of the installation, of the world or that everybody gives themselves, by a hash, or by a link that opens for whoever has
# it, not by an organisation's id; that a CVE's matches, a file's report and templates are nobody else's is shown in their own tests.
BY_NAME = {
    "submit_task", "pause_queue", "resume_queue", "open_link", "head_link", "list_advisory_matches", "set_report_preset", "get_preference", "set_preference", "set_member", "remove_member", "get_template", "set_template", "delete_template", "set_report_theme", "identify_report",
    "show_unsubscription", "unsubscribe", "show_acknowledgement", "acknowledge_by_link",
}  # fmt: skip
# What the world knows of vulnerabilities is the same for all; an organisation's own are its watches, matches and bundles.
OF_THE_WORLD = re.compile(r"/advisories(?!/(watches|matches|bundles)|/\{[a-z_]+\}/matches)")


def body_of(name: str) -> dict[str, Any]:
    """Return what an operation is sent."""
    body = BODIES.get(name)
    return {"content": body, "headers": {"Content-Type": "image/png"}} if isinstance(body, bytes) else {"json": body}


def operations() -> Iterator[tuple[str, str, str]]:
    """Yield name, method and path of every operation of the REST API."""
    for path, methods in document()["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/api/"):
                yield operation["operationId"], method.upper(), path.removeprefix("/api/v1")


def addressed() -> list[tuple[str, str, str]]:
    """Return the operations on one thing of an organisation."""
    return [one for one in operations() if "{" in one[2] and one[0] not in BY_NAME and not OF_THE_WORLD.match(one[2])]


def lists() -> list[tuple[str, str, str]]:
    """Return the operations that list an organisation's things."""
    return [
        one
        for one in operations()
        if "{" not in one[2]
        and one[1] == "GET"
        and one[0] not in {"stream_events", "stream_inbox", "whoami", "list_kinds"}
        and not OF_THE_WORLD.match(one[2])
    ]


@pytest.fixture
def things(owner: Client, ledger: Ledger) -> dict[str, UUID | str]:
    """Make one of everything in the owner's organisation, by the name of its path parameter."""
    job = owner.submit("jobs.wait", arguments={"seconds": 0})
    work(ledger, job)
    schedule = owner.post("/schedules", {"name": "s", "kind": "jobs.test", "every": 3600})["id"]
    key = client_of(owner.http, ledger, owner.org, "viewer").get("/whoami")["name"].partition("#")[2]
    owner.post("/scope", {"target": "127.0.0.1"})
    scan = owner.post("/scans", {"targets": ["127.0.0.1"], "ports": "9"})["id"]
    watch = owner.post("/advisories/watches", {"name": "w"})["id"]
    owner.ask("PUT", "/reports/presets/ours", json={"full": True})
    owner.ask("PUT", "/reports/themes/ours", json={})
    owner.ask("PUT", "/members/ours", json={"role": "viewer"})
    channel = owner.post("/notifications/channels", {"kind": "email", "email": "ann@example.org"})["id"]
    route = owner.post("/notifications/routes", {"name": "r", "owner": owner.get("/whoami")["name"], "channels": [channel]})["id"]
    escalation = owner.post("/notifications/escalations", {"name": "e", "steps": [{"after": 0, "users": ["ann"]}]})["id"]
    owner.ask("PUT", "/notifications/templates/finding.opened/email", json={"subject": "{title}", "body": ""})
    begins = now()
    silence = {
        "matchers": {"events": ["*"]},
        "starts_at": begins.isoformat(),
        "ends_at": (begins + timedelta(hours=1)).isoformat(),
        "reason": "x",
    }
    quiet = owner.post("/notifications/silences", silence)["id"]
    told = message_of("scans.finished", "info", now(), {})
    with ledger.database.transaction(owner.org) as session:
        channels.suppress(session, ledger.vault, owner.org, "ann@example.org", reason="manual", keep=timedelta(hours=1), actor="test")
    with ledger.database.transaction(owner.org) as session:
        notification, _ = telling.record_notification(session, ledger.vault, owner.org, told, expire=timedelta(hours=1))
        (candidate,) = telling.list_candidates(session, owner.org, "scans.finished")
        delivery = telling.store_deliveries(session, owner.org, notification, [telling.Decided(candidate, "suppressed", "x")])[0].id
    with ledger.database.transaction(owner.org) as session:
        asset = see(session, owner.org, kind="host", key="192.0.2.1")
        record(
            session, owner.org, key="k", capability="scans", check="c", asset=asset, target="192.0.2.1", port=23, title="t",
            severity=Severity.HIGH, evidence={}, remedy="r", job=job,
        )  # fmt: skip
        return {
            "job": job, "schedule": schedule, "asset": asset, "finding": list_findings(session, owner.org).items[0].id,
            "entry": add_scope(session, owner.org, "192.0.2.0/24", actor="test"),
            "report": a_report(ledger, session, owner.org), "preset": "ours", "theme": "ours", "watch": watch, "scan": scan, "scan_id": scan, "task_id": scan,
            "silence": quiet, "suppression": owner.get("/notifications/suppressions")["items"][0]["id"],
            "channel": channel, "route": route, "escalation": escalation, "notification": notification, "delivery": delivery,
            "artifact": store(ledger, session, owner.org, name="x", media_type="text/plain", content=b"x"),
            "bundle": store(ledger, session, owner.org, name="b", media_type="application/vnd.watchfloor.advisories+zstd", content=b"x"),
            "key": next(shown["id"] for shown in owner.get("/keys")["items"] if shown["public_id"] == key),
        }  # fmt: skip


def test_every_operation_with_a_foreign_id_answers_as_if_there_were_nothing(
    owner: Client, ledger: Ledger, stranger: UUID, things: dict[str, UUID | str]
) -> None:
    eve = client_of(owner.http, ledger, stranger, "owner")
    assert len(addressed()) > 20
    for name, method, path in addressed():
        (parameter,) = re.findall(r"\{(\w+)\}", path)
        assert parameter in things, f"{name}: make a {parameter} in this test"
        told = eve.ask(method, path.format(**things), **body_of(name))
        if method == "HEAD":  # an answer without a body
            assert told.status_code == 404, name
            continue
        assert (told.status_code, told.json()["code"]) == (404, "not_found"), name
        unknown = eve.ask(method, re.sub(r"\{\w+\}", "00000000-0000-7000-8000-000000000000", path), **body_of(name))
        assert unknown.status_code == 404, name
        assert _shape(told.json()) == _shape(unknown.json()), name


def _shape(problem: dict[str, Any]) -> str:
    """Return an answer without ids, which are the only thing that may differ."""
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16}", "ID", str(problem))


def test_the_same_requests_find_something_for_the_owner(owner: Client, things: dict[str, UUID | str]) -> None:
    # A stream ends with what it tells of, and that is cancelled before; what removes things comes last.
    for name, method, path in sorted(addressed(), key=lambda one: (one[1] == "DELETE", one[0].startswith("stream_"))):
        answer = owner.ask(method, path.format(**things), **body_of(name))
        assert answer.status_code != 404 or method == "DELETE", name


def test_every_list_of_another_org_is_empty(owner: Client, ledger: Ledger, stranger: UUID, things: dict[str, UUID | str]) -> None:
    eve = client_of(owner.http, ledger, stranger, "owner")
    for name, _method, path in lists():
        mine, hers = owner.get(path), str(eve.get(path))
        for thing in set(things.values()) - {"ours"}:
            assert str(thing) not in hers, name
        assert str(owner.org) not in hers
        if name.startswith("list_") and name not in {"list_queues", "list_workers", "list_matches"}:
            assert (mine["items"] if isinstance(mine, dict) else mine) != [], f"{name}: make one in this test"


def test_every_table_is_shared_or_locked_to_its_organisation(postgres: str) -> None:
    with psycopg.connect(postgres, row_factory=dict_row) as wire:
        tables = wire.execute(
            "select c.relname, c.relrowsecurity, c.relforcerowsecurity, "
            "(select array_agg(a.attname order by k.n) from pg_constraint p cross join unnest(p.conkey) with ordinality k (attnum, n) "
            " join pg_attribute a on a.attrelid = c.oid and a.attnum = k.attnum where p.conrelid = c.oid and p.contype = 'p') as key, "
            "(select array_agg(a.attname::text) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0) as columns "
            "from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace"
        ).fetchall()
        policies = wire.execute(
            "select tablename, policyname, cmd, qual, with_check from pg_policies where 'wf_app' = any (roles)"
        ).fetchall()
    locked = {policy["tablename"]: (policy["qual"], policy["with_check"]) for policy in policies if policy["policyname"] == "org"}
    for policy in policies:  # what is nobody's may be read by all beside one's own
        if policy["policyname"] != "org":
            assert (policy["cmd"], policy["qual"]) == ("SELECT", f"(org = '{PLATFORM_ORG}'::uuid)"), policy["tablename"]
    assert len(tables) > 25
    for table in tables:
        name = table["relname"]
        if name in SHARED:
            assert "org" not in table["columns"] or name == "budget"
            continue
        assert table["relrowsecurity"], name
        assert table["relforcerowsecurity"], name
        column = ORG_COLUMN.get(name, "org")
        assert column in table["key"], name
        assert table["key"][0] == column or name == "lane", name
        for condition in locked[name]:
            assert condition.startswith(f"({column} = ( SELECT"), name
            assert "watchfloor.org" in condition
            assert "NULLIF" in condition
    assert "nullif" in OWN_ORG


def test_foreign_keys_and_unique_constraints_carry_the_organisation(postgres: str) -> None:
    with psycopg.connect(postgres) as wire:
        rows = wire.execute(
            "select c.relname, i.indexrelid::regclass::text, (select array_agg(a.attname::text) from pg_attribute a "
            "where a.attrelid = c.oid and a.attnum = any (i.indkey::smallint[])) from pg_index i join pg_class c on c.oid = i.indrelid "
            "where i.indisunique and c.relnamespace = 'public'::regnamespace"
        ).fetchall()
        keys = wire.execute(
            "select c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text, (select array_agg(a.attname::text) from pg_attribute a "
            "where a.attrelid = c.conrelid and a.attnum = any (c.conkey)) from pg_constraint c where c.contype = 'f'"
        ).fetchall()
    # A key's public part is looked up before anybody is known, an organisation's name is the installation's.
    known = {"api_key_public_id_key", "org_pkey", "org_name_key"}
    assert {index for table, index, columns in rows if table not in SHARED and "org" not in columns} == known
    assert {name for name, _table, target, columns in keys if target not in SHARED and "org" not in columns} == set()


def test_views_run_with_the_rights_of_who_asks(postgres: str) -> None:
    with psycopg.connect(postgres) as wire:
        views = wire.execute(
            "select relname, reloptions from pg_class where relkind = 'v' and relnamespace = 'public'::regnamespace"
        ).fetchall()
        functions = wire.execute("select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace").fetchall()
    assert views
    assert all("security_invoker=true" in (options or []) for _, options in views)
    assert functions == []


def test_without_an_organisation_there_are_no_rows_and_no_writes(ledger: Ledger, owner: Client, things: dict[str, UUID | str]) -> None:
    wire = ledger.database.wire("wf_app")
    for table in ("job_all", "job", "finding", "asset", "artifact", "artifact_part", "scope", "audit_entry", "api_key", "org", "schedule"):
        assert wire.execute(f"select count(*) from {table}").fetchone() == (0,), table
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        wire.execute("insert into asset (org, id, kind, key) values (%s, %s, 'host', 'x')", (owner.org, things["job"]))


def test_an_injected_foreign_org_is_refused_by_the_database(
    ledger: Ledger, owner: Client, stranger: UUID, things: dict[str, UUID | str]
) -> None:
    from watchfloor.kernel.db.session import wire_of  # noqa: PLC0415 - here alone

    with ledger.database.transaction(stranger) as session:
        for table in ("job", "finding", "asset", "artifact", "scope", "audit_entry", "api_key", "schedule"):
            assert wire_of(session).execute(f"select count(*) from {table} where org = %s", (owner.org,)).fetchone() == (0,)
        assert wire_of(session).execute("update asset set org = %s where org = %s", (stranger, owner.org)).rowcount == 0
        # A foreign key to another organisation's row is a key to nothing.
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            wire_of(session).execute(
                "insert into artifact_link (org, id, artifact, creator, created_by, expires_at, single_use) values (%s, %s, %s, %s, '', now(), false)",
                (stranger, stranger, things["artifact"], stranger),
            )
        session.rollback()
