"""Promise 08: no action without its record, and no record of what did not happen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.api.floor import PNG, Client, a_report, client_of, document, work
from watchfloor.capabilities.notifications.engine.links import PURPOSE, Act, Link, make_token
from watchfloor.capabilities.notifications.engine.told import message_of
from watchfloor.capabilities.notifications.queries import channels, silences, telling
from watchfloor.capabilities.reports.queries.ending import hold
from watchfloor.kernel.artifacts.store import store
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.clock import now
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.findings.ledger import record
from watchfloor.kernel.findings.queries import list_findings

if TYPE_CHECKING:
    from uuid import UUID

    from watchfloor.kernel.jobs.ledger import Ledger

# They answer a question whose words are too long for an address.
QUESTIONS = {"match_products", "try_watch", "estimate_scan", "preview_event", "preview_template"}
# Open to whoever has the link; without a key nobody is refused.
OPEN = {"unsubscribe", "acknowledge_by_link"}
SCHEDULE = {"name": "s", "kind": "jobs.test", "every": 3600}


def count(postgres: str, org: UUID) -> int:
    """Return how many audit rows an organisation has."""
    with psycopg.connect(postgres) as wire:
        row = wire.execute("select count(*) from audit_entry where org = %s", (org,)).fetchone()
    assert row is not None
    return int(row[0])


def prepared(owner: Client, ledger: Ledger) -> dict[str, tuple[str, Any]]:
    """Return path and body of every operation that changes something, by its name."""
    queued, ended = [owner.submit(label="x") for _ in range(4)], owner.submit()
    work(ledger, ended)
    schedules = [owner.post("/schedules", {**SCHEDULE, "name": f"s{n}"})["id"] for n in range(4)]
    other = client_of(owner.http, ledger, owner.org, "viewer").get("/whoami")["name"].partition("#")[2]
    key = next(shown["id"] for shown in owner.get("/keys")["items"] if shown["public_id"] == other)
    entry = owner.post("/scope", {"target": "192.0.2.0/24"})["id"]
    owner.post("/scope", {"target": "127.0.0.1"})
    scan = {"targets": ["127.0.0.1"], "ports": "9"}
    drafts = [owner.post("/scans", {**scan, "start": False})["id"] for _ in range(2)]
    face = "/vulnerabilities/scans"
    watches = [owner.post("/advisories/watches", {"name": f"w{n}"})["id"] for n in range(2)]
    notify, told = "/notifications/channels", {"event": "a.b", "user_id": "ann"}
    hook, spare = (owner.post(notify, {"kind": "webhook", "url": f"https://example.org/{n}"})["id"] for n in range(2))
    route = owner.post("/notifications/routes", {"name": "old", "channels": [hook]})["id"]
    nights = {"name": "e", "steps": [{"after": 0, "users": ["ann"]}]}
    escalation = owner.post("/notifications/escalations", nights)["id"]
    silence = {
        "matchers": {"events": ["a.*"]},
        "starts_at": now().isoformat(),
        "ends_at": (now() + timedelta(hours=1)).isoformat(),
        "reason": "x",
    }
    quiet = owner.post("/notifications/silences", silence)["id"]
    with ledger.database.transaction(owner.org) as session:
        channels.suppress(session, ledger.vault, owner.org, "ann@example.org", reason="manual", keep=timedelta(hours=1), actor="test")
        suppressed = silences.page_suppressions(session, limit=1, after=None).items[0].id
        message = message_of("scans.finished", "info", now(), {})
        notification, _ = telling.record_notification(session, ledger.vault, owner.org, message, expire=timedelta(hours=1))
        (candidate,) = telling.list_candidates(session, owner.org, "scans.finished")
        delivery = telling.store_deliveries(session, owner.org, notification, [telling.Decided(candidate, "suppressed", "x")])[0].id
    asked = Link(org=owner.org, user="ann", act=Act.UNSUBSCRIBE, what="scans.finished", issued=now())
    link = make_token(ledger.vault.link_key(owner.org, PURPOSE), asked)
    with ledger.database.transaction(owner.org) as session:
        other = message_of("scans.finished", "info", now(), {}, dedup_key="other")
        awaited, _ = telling.record_notification(session, ledger.vault, owner.org, other, expire=timedelta(hours=1))
    asked = Link(org=owner.org, user="ann", act=Act.ACKNOWLEDGE, what=str(awaited), issued=now())
    seen = make_token(ledger.vault.link_key(owner.org, PURPOSE), asked)
    with ledger.database.transaction(owner.org) as session:
        wire_of(session).execute(
            "set local role wf_advisories; insert into adv_product (part, vendor, product) values ('a', 'x', 'known') on conflict do nothing; set local role wf_app"
        )
        asset = see(session, owner.org, kind="host", key="192.0.2.1")
        record(
            session, owner.org, key="k", capability="scans", check="c", asset=asset, target="192.0.2.1", port=23, title="t",
            severity=Severity.HIGH, evidence={}, remedy="r", job=None,
        )  # fmt: skip
        finding = list_findings(session, owner.org).items[0].id
        artifact = store(ledger, session, owner.org, name="x", media_type="text/plain", content=b"x")
        bundle = store(ledger, session, owner.org, name="b", media_type="application/vnd.watchfloor.advisories+zstd", content=b"x")
        reports = [a_report(ledger, session, owner.org) for _ in range(4)]
        hold(session, owner.org, reports[1], reason="x", actor="t")
    return {
        "submit_job": ("/jobs", {"kind": "jobs.test"}), "submit_jobs": ("/jobs/bulk", {"kind": "jobs.test", "arguments": [{}, {}]}),
        "cancel_job": (f"/jobs/{queued[0]}/cancel", None), "cancel_jobs": ("/jobs/cancel", {"ids": [str(queued[1])]}),
        "retry_job": (f"/jobs/{ended}/retry", None), "revoke_task": (f"/tasks/{queued[2]}", None), "submit_task": ("/tasks/jobs.test", {}),
        "purge_jobs": ("/jobs/purge", {"kind": "jobs.test"}), "create_schedule": ("/schedules", SCHEDULE),
        "pause_schedule": (f"/schedules/{schedules[0]}/pause", None), "resume_schedule": (f"/schedules/{schedules[1]}/resume", None),
        "run_schedule": (f"/schedules/{schedules[2]}/run", None), "delete_schedule": (f"/schedules/{schedules[3]}", None),
        "create_key": ("/keys", {"name": "x", "role": "viewer"}), "revoke_key": (f"/keys/{key}", None),
        "set_member": ("/members/ann", {"role": "viewer"}), "remove_member": ("/members/ann", None),
        "add_scope": ("/scope", {"target": "198.51.100.0/24"}), "remove_scope": (f"/scope/{entry}", None),
        "tag_asset": (f"/assets/{asset}/tags", {"tags": ["x"]}), "expose_asset": (f"/assets/{asset}/exposure", {"exposure": "internet"}),
        "triage_finding": (f"/findings/{finding}/triage", {"state": "false_positive", "reason": "x"}),
        "triage_findings": ("/findings/triage", {"ids": [str(finding)], "state": "open", "reason": "x"}),
        "create_scan": ("/scans", scan), "cancel_scan": (f"/scans/{owner.post('/scans', scan)['id']}/cancel", None),
        "create_scan_task": ("/api/scan", {"target": "127.0.0.1", "ports": "9"}), "start_scan": (f"/scans/{drafts[0]}/start", None),
        "start_vulnerability_scan": (f"{face}/{drafts[1]}/start", None),
        "cancel_vulnerability_scan": (f"{face}/{owner.post('/scans', scan)['id']}/cancel", None),
        "create_report": ("/reports", {"scan_id": owner.post("/scans", scan)["id"]}),
        "create_scan_report": (f"/scans/{owner.post('/scans', scan)['id']}/reports", {}), "create_report_link": (f"/reports/{reports[0]}/links", {}),
        "check_report": (f"/reports/{reports[0]}/verify", None), "hold_report": (f"/reports/{reports[0]}/hold", {"reason": "x"}),
        "release_report": (f"/reports/{reports[1]}/hold", None), "delete_report": (f"/reports/{reports[2]}", None), "cleanup_reports": ("/reports/cleanup", None),
        "set_report_preset": ("/reports/presets/p", {}), "remove_report_preset": ("/reports/presets/p", None),
        "set_report_theme": ("/reports/themes/t", {}), "set_report_logo": ("/reports/themes/t/logo", PNG), "remove_report_logo": ("/reports/themes/t/logo", None),
        "remove_report_theme": ("/reports/themes/t", None),
        "export_bundle": ("/advisories/bundles", {}), "import_bundle": (f"/advisories/bundles/import?artifact={bundle}", None),
        "create_silence": ("/notifications/silences", silence), "end_silence": (f"/notifications/silences/{quiet}", None),
        "delete_suppression": (f"/notifications/suppressions/{suppressed}", None), "change_channel": (f"{notify}/{hook}", {"label": "x"}),
        "change_route": (f"/notifications/routes/{route}", {"name": "x"}),
        "create_channel": (notify, {"kind": "email", "email": "new@example.org"}), "delete_channel": (f"{notify}/{spare}", None),
        "enable_channel": (f"{notify}/{hook}/enable", None), "disable_channel": (f"{notify}/{hook}/disable", None),
        "rotate_channel_secret": (f"{notify}/{hook}/rotate-secret", None), "verify_channel": (f"{notify}/{hook}/verify", None),
        "send_test_message": (f"{notify}/{hook}/test", None),
        "create_route": ("/notifications/routes", {"name": "new", "channels": [hook]}), "delete_route": (f"/notifications/routes/{route}", None),
        "create_escalation": ("/notifications/escalations", {**nights, "name": "new"}), "delete_escalation": (f"/notifications/escalations/{escalation}", None),
        "set_template": ("/notifications/templates/finding.opened/email", {"subject": "{title}", "body": ""}),
        "delete_template": ("/notifications/templates/finding.opened/email", None),
        "set_default_preference": ("/notifications/preferences/default", {}),
        "set_preference": ("/notifications/preferences/ann", {}), "send_one_notification": ("/notifications/send", {"notification": told}),
        "send_event_to_one": ("/notifications/send-event", told), "send_event_to_many": ("/notifications/send-bulk", {"event": "a.b", "user_ids": ["ann"]}),
        "send_scan_completion": ("/notifications/send-scan-completion", {"scan_id": "1", "user_id": "ann", "scan_name": "x"}),
        "acknowledge_notification": (f"/notifications/{notification}/acknowledge", None), "replay_delivery": (f"/notifications/deliveries/{delivery}/replay", None),
        "mark_read": ("/notifications/inbox/read", {}), "unsubscribe": (f"/notifications/unsubscribe/{link}", None),
        "acknowledge_by_link": (f"/notifications/acknowledgement/{seen}", None),
        "replay_many_deliveries": ("/notifications/deliveries/replay", {"delivery_ids": [str(delivery)]}),
        "create_watch": ("/advisories/watches", {"name": "w"}), "change_watch": (f"/advisories/watches/{watches[0]}", {"enabled": False}),
        "delete_watch": (f"/advisories/watches/{watches[1]}", None),
        "set_alias": ("/advisories/aliases", {"alias": "x:other", "product": "x:known"}), "remove_alias": ("/advisories/aliases?alias=x:other", None),
        "set_name": ("/advisories/names", {"product": "words", "means": ["x:known"]}), "remove_name": ("/advisories/names?product=words", None),
        "change_source": ("/advisories/sources/kev", {"enabled": True}), "sync_source": ("/advisories/sources/kev/sync", {}),
        "update_vulnerabilities": ("/tasks/update-vulnerabilities", {"sources": ["kev"]}), "clean_cache": ("/tasks/clean-cache", {}),
        "update_stats": ("/tasks/update-stats", {"scope": "org"}),
        "create_artifact_link": (f"/artifacts/{artifact}/links", {}),
        "pause_queue": ("/queues/cookies/pause", None), "resume_queue": ("/queues/cookies/resume", None),
    }  # fmt: skip


def changing() -> dict[str, str]:
    """Return the method of every operation that can change something."""
    return {
        operation["operationId"]: method.upper()
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if method not in {"get", "head"} and path.startswith("/api/") and operation["operationId"] not in QUESTIONS
    }


def test_every_operation_that_changes_something_leaves_its_record(platform: Client, ledger: Ledger, postgres: str) -> None:
    asked = prepared(platform, ledger)
    methods = changing()
    assert set(asked) == set(methods), "an operation without a case here, or a case without its operation"
    for name, (path, body) in asked.items():
        before = count(postgres, platform.org)
        content = {"content": body, "headers": {"Content-Type": "image/png"}} if isinstance(body, bytes) else {"json": body}
        answer = platform.ask(methods[name], path, **content)
        assert answer.status_code < 300, (name, answer.text)
        assert count(postgres, platform.org) > before, name
    for schedule in platform.get("/schedules"):
        platform.ask("DELETE", f"/schedules/{schedule['id']}")
    for entry in platform.get("/scope")["items"]:
        platform.ask("DELETE", f"/scope/{entry['id']}")


def test_every_operation_that_is_refused_leaves_its_record_too(owner: Client, ledger: Ledger, postgres: str) -> None:
    nobody = client_of(owner.http, ledger, owner.org, "viewer")
    for name, method in changing().items():
        if name in OPEN:
            continue
        path = next(path for path, methods in document()["paths"].items() if methods.get(method.lower(), {}).get("operationId") == name)
        before = count(postgres, owner.org)
        answer = nobody.ask(method, path.removeprefix("/api/v1").replace("{", "").replace("}", ""), json={})
        assert answer.status_code == 403, (name, answer.text)
        assert count(postgres, owner.org) == before + 1, name
        assert owner.get("/audit", outcome="refused", limit=1)["items"][0]["operation"] == name


def test_what_is_not_recorded_does_not_happen(owner: Client, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute(
            "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'the audit trail is full'; end $$"
        )
        wire.execute("create trigger refuse before insert on audit_entry for each row execute function refuse()")
        try:
            for path, body in (
                ("/jobs", {"kind": "jobs.test"}),
                ("/schedules", SCHEDULE),
                ("/scope", {"target": "192.0.2.0/24"}),
                ("/keys", {"name": "x", "role": "viewer"}),
            ):
                assert owner.ask("POST", path, json=body).status_code == 500
        finally:
            wire.execute("drop trigger refuse on audit_entry")
            wire.execute("drop function refuse()")
    assert owner.get("/jobs")["items"] == []
    assert owner.get("/schedules") == []
    assert owner.get("/scope")["items"] == []
    assert len(owner.get("/keys")["items"]) == 1


@pytest.mark.parametrize("outcome", ["succeeded", "cancelled"])
def test_a_jobs_whole_life_is_on_record(owner: Client, ledger: Ledger, outcome: str) -> None:
    job = owner.submit()
    if outcome == "cancelled":
        owner.post(f"/jobs/{job}/cancel")
        expected = ["job.cancel", "job.enqueue"]
    else:
        work(ledger, job)
        expected = ["job.end", "job.enqueue"]
    assert [entry["operation"] for entry in owner.get("/audit", object=str(job))["items"]] == expected
