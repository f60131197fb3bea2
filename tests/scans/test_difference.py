"""Scan after scan of real listeners: what changed is told once, and what nobody looked at is not said to be gone."""

from __future__ import annotations

import json
import tracemalloc
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from tests.api.floor import Client, client_of
from tests.cli.desk import OpenDesk
from tests.scans import servers
from tests.scans.floor import allow
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.cli import commands
from watchfloor.capabilities.scans.engine.sight import group_of
from watchfloor.capabilities.scans.queries import difference as comparing
from watchfloor.capabilities.scans.queries import read
from watchfloor.capabilities.scans.queries.silence import fix_silent
from watchfloor.kernel.assets.inventory import see
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound
from watchfloor.kernel.findings.ledger import record
from watchfloor.kernel.findings.queries import get_finding, list_findings
from watchfloor.kernel.findings.triage import triage
from watchfloor.kernel.jobs import rescue, schedules

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Iterator

    import httpx

    from tests.scans.floor import Worker
    from watchfloor.capabilities.scans.engine.difference import Difference
    from watchfloor.kernel.jobs.ledger import Ledger

PAGE = b"HTTP/1.0 200 OK\r\nServer: nginx/%s\r\n\r\nhello"


class Upgradable:
    """An SSH server whose version is what it is told to be."""

    def __init__(self) -> None:
        """Begin old."""
        self.greeting = b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"

    def __call__(self, client: socket.socket, ends: threading.Event) -> None:
        """Greet."""
        servers.banner(self.greeting)(client, ends)


@pytest.fixture
def ssh() -> Iterator[tuple[int, Upgradable]]:
    """Run one and return its port too."""
    server = Upgradable()
    with servers.listening(server) as port:
        yield port, server


def diff(ledger: Ledger, org: UUID, scan: UUID, base: UUID | None = None) -> Difference:
    """Compare."""
    with ledger.database.transaction(org) as session:
        return comparing.difference(session, org, scan, base)


def counts(found: Difference) -> dict[str, int]:
    """Return what is not zero."""
    return found.counts.model_dump(exclude_defaults=True)


def changed(ledger: Ledger, org: UUID) -> list[dict[str, Any]]:
    """Return the data of the events that told of changes, oldest first."""
    with ledger.database.transaction(org) as session:
        rows = session.connection().exec_driver_sql("select data from event where name = 'scans.changed' order by at, id")
        return [row[0] for row in rows]


def test_an_upgrade_a_stop_and_a_new_server_are_told(loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]) -> None:
    port, server = ssh
    with servers.refusing() as fresh, servers.listening(servers.site(lambda _asked: PAGE % b"1.22.1")) as web:
        asked = {"ports": f"{port},{web},{fresh}"}
        first = worker.scan(loopback, "127.0.0.1", **asked)
    server.greeting = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n"
    second = worker.scan(loopback, "127.0.0.1", **asked)
    found = diff(ledger, loopback, second.id)
    assert (found.base, found.scan, found.changed) == (first.id, second.id, True)
    assert counts(found) == {"hosts_changed": 1, "ports_closed": 1, "services_changed": 1, "findings_fixed": 1}
    assert [(one.change, one.port, one.product, one.version) for one in found.ports] == [("closed", web, "nginx", "1.22.1")]
    assert next((one.port, one.field, one.before, one.after) for one in found.services) == (port, "version", "9.2p1", "10.0p2")
    assert [(one.change, one.check, one.port) for one in found.findings] == [("fixed", "cleartext-http", web)]
    (event,) = changed(ledger, loopback)
    assert (event["scan"], event["base"], event["counts"]) == (str(second.id), str(first.id), counts(found))


def test_a_server_that_comes_back_is_reopened_and_its_finding_returned(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE % b"1.22.1")) as web:
        first = worker.scan(loopback, "127.0.0.1", ports=str(web))
    worker.scan(loopback, "127.0.0.1", ports=str(web))
    with servers.listening(servers.site(lambda _asked: PAGE % b"1.22.1"), port=web):
        third = worker.scan(loopback, "127.0.0.1", ports=str(web))
    found = diff(ledger, loopback, third.id)
    assert counts(found) == {"hosts_changed": 1, "ports_reopened": 1, "findings_returned": 1}
    assert len(changed(ledger, loopback)) == 2
    # Against the first one nothing is different.
    assert not diff(ledger, loopback, third.id, first.id).changed


def test_the_same_targets_and_ports_are_one_subject_however_they_are_written(
    loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]
) -> None:
    port, _server = ssh
    first = worker.scan(loopback, "127.0.0.1", "127.0.0.2", ports=f"{port},{port}")
    worker.scan(loopback, "127.0.0.1", ports=str(port))
    third = worker.scan(loopback, "127.0.0.2/31", "127.0.0.1", ports=f"{port}-{port}")
    again = worker.scan(loopback, "127.0.0.0/30", ports=str(port), exclude=["127.0.0.0", "127.0.0.3"], timeout=timedelta(minutes=5))
    with ledger.database.transaction(loopback) as session:
        assert comparing.previous(session, loopback, first.id) is None
        assert comparing.previous(session, loopback, third.id) is None  # 127.0.0.3 is among its targets
        assert comparing.previous(session, loopback, again.id) == first.id
    with pytest.raises(Conflict, match="no scan of the same targets"):
        diff(ledger, loopback, third.id)


def test_what_the_other_scan_did_not_look_at_is_unknown(
    loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]
) -> None:
    port, _server = ssh
    with servers.listening(servers.banner(b"220 hello\r\n")) as other:
        both = worker.scan(loopback, "127.0.0.1", ports=f"{port},{other}")
        one = worker.scan(loopback, "127.0.0.1", ports=str(port))
    for scan, base in ((one, both), (both, one)):
        found = diff(ledger, loopback, scan.id, base.id)
        assert (found.changed, found.not_compared.ports, found.not_compared.hosts) == (False, 1, 0)


def test_an_incomplete_scan_between_two_hides_no_change(
    loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]
) -> None:
    port, _server = ssh
    with servers.listening(servers.banner(b"220 hello\r\n")) as other:
        asked = {"ports": f"22,{port},{other}"}
        worker.scan(loopback, "127.0.0.0/25", **asked)
    # As if only the critical group had been looked at: the parts that have the two ports were given up.
    cut, job = jobs.submit_scan(ledger, loopback, jobs_request(asked["ports"]), actor="test")
    worker.run(job)
    for shard, kind in worker.queued(loopback):
        if kind == "scans.shard":
            worker.run(shard)
        with ledger.database.transaction(loopback) as session:
            session.connection().exec_driver_sql(
                "update shard set state = 'abandoned', error = 'test' where state = 'waiting' and not totals ? 'critical'"
            )
    worker.run_all(loopback)
    assert worker.view(loopback, cut).state == "incomplete"
    last = worker.scan(loopback, "127.0.0.0/25", **asked)
    found = diff(ledger, loopback, last.id)
    assert found.base == cut
    assert [(one.change, one.port, one.address) for one in found.ports] == [("closed", other, "127.0.0.1")]
    assert [event["counts"] for event in changed(ledger, loopback)] == [counts(found)]
    # Named as the base, it speaks for itself alone.
    assert counts(diff(ledger, loopback, last.id, cut)) == {}


def jobs_request(ports: str) -> Any:
    """Return a request for half a loopback network."""
    from watchfloor.capabilities.scans.schemas import ScanRequest  # noqa: PLC0415 - here alone

    return ScanRequest(targets=["127.0.0.0/25"], ports=ports)


def test_what_people_decide_is_no_change_of_the_network(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE % b"1.22.1")) as web:
        worker.scan(loopback, "127.0.0.1", ports=str(web))
        with ledger.database.transaction(loopback) as session:
            (one,) = list_findings(session, loopback).items
            triage(session, loopback, one.id, state="false_positive", reason="meant to be", actor="anna")
        second = worker.scan(loopback, "127.0.0.1", ports=str(web))
    assert not diff(ledger, loopback, second.id).changed
    assert changed(ledger, loopback) == []


def test_a_schedule_tells_changes_and_nothing_else(loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]) -> None:
    port, server = ssh
    request = jobs.RunScan(targets=["127.0.0.1"], ports=str(port))
    with ledger.database.transaction(loopback) as session:
        schedules.create(ledger, session, loopback, name="watch", kind=jobs.run_scan, request=request, every=timedelta(hours=1))

    def pass_an_hour() -> None:
        ledger.database.wire("wf_engine").execute("update schedule set next_tick = wf_now() where org = %s", (loopback,))
        schedules.tick(ledger)
        rescue.promote(ledger)
        assert worker.run_all(loopback) == ["scans.run", "scans.shard", "scans.finish"]

    pass_an_hour()
    pass_an_hour()
    assert changed(ledger, loopback) == []
    server.greeting = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n"
    pass_an_hour()
    assert [event["counts"]["services_changed"] for event in changed(ledger, loopback)] == [1]
    pass_an_hour()
    assert len(changed(ledger, loopback)) == 1
    with ledger.database.transaction(loopback) as session:
        ended = [scan.id for scan in read.list_scans(session, loopback).items]
        assert [comparing.previous(session, loopback, scan) for scan in ended] == [*ended[1:], None]


def test_a_repeated_end_tells_nothing_twice(loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]) -> None:
    port, server = ssh
    worker.scan(loopback, "127.0.0.1", ports=str(port))
    server.greeting = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n"
    second = worker.scan(loopback, "127.0.0.1", ports=str(port))
    with ledger.database.transaction(loopback) as session:
        finish: Any = session.connection().exec_driver_sql("select finish_job from scan where id = %s", (second.id,)).scalar_one()
    worker.again(finish)
    assert len(changed(ledger, loopback)) == 1


def test_over_rest_and_for_the_own_organisation_only(
    owner: Client, http: httpx.Client, ledger: Ledger, stranger: UUID, worker: Worker, ssh: tuple[int, Upgradable]
) -> None:
    port, server = ssh
    allow(ledger, owner.org, "127.0.0.0/8")
    first = worker.scan(owner.org, "127.0.0.1", ports=str(port))
    assert owner.ask("GET", f"/scans/{first.id}/diff").status_code == 409
    server.greeting = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n"
    second = worker.scan(owner.org, "127.0.0.1", ports=str(port))
    told = owner.get(f"/scans/{second.id}/diff")
    assert (told["base"], told["changed"], told["counts"]["services_changed"]) == (str(first.id), True, 1)
    assert owner.get(f"/scans/{second.id}/diff", base=str(second.id))["changed"] is False
    assert owner.ask("GET", f"/scans/{second.id}/diff", params={"base": str(uuid4())}).status_code == 404
    eve = client_of(http, ledger, stranger, "owner")
    assert eve.ask("GET", f"/scans/{second.id}/diff").status_code == 404
    allow(ledger, stranger, "127.0.0.0/8")
    hers = worker.scan(stranger, "127.0.0.1", ports=str(port))
    assert eve.ask("GET", f"/scans/{hers.id}/diff", params={"base": str(first.id)}).status_code == 404
    assert eve.ask("GET", f"/scans/{hers.id}/diff").status_code == 409  # the same targets, and another organisation's scans are none
    with pytest.raises(NotFound):
        diff(ledger, stranger, second.id)
    assert json.dumps(changed(ledger, stranger)) == "[]"


def test_the_command_tells_it_in_tables_or_json_and_by_its_exit_code(
    loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]
) -> None:
    port, server = ssh
    desk = OpenDesk(ledger, loopback)
    first = worker.scan(loopback, "127.0.0.1", ports=str(port))
    same = worker.scan(loopback, "127.0.0.1", ports=str(port))
    server.greeting = b"SSH-2.0-OpenSSH_10.0p2 Debian-7\r\n"
    third = worker.scan(loopback, "127.0.0.1", ports=str(port))
    other = worker.scan(loopback, "127.0.0.1", ports="9")

    quiet = desk.run(commands, "diff", str(same.id))
    assert (quiet.exit_code, quiet.stdout) == (0, f"From {first.id} to {same.id}: nothing changed.\n")
    loud = desk.run(commands, "diff", str(third.id))
    assert loud.exit_code == 1
    assert f"From {same.id} to {third.id}: hosts changed 1, services changed 1." in loud.stdout
    for part in (f"{port}/tcp", "9.2p1", "10.0p2", "Debian-7"):
        assert part in loud.stdout, part
    # Whichever is named first, the older one is compared with.
    for pair in ((first.id, third.id), (third.id, first.id)):
        told = json.loads(desk.run(commands, "diff", *map(str, pair), "--json").stdout)
        assert (told["base"], told["scan"], told["changed"]) == (str(first.id), str(third.id), True)
        assert [one["field"] for one in told["services"]] == ["version", "revision"]
    elsewhere = desk.run(commands, "diff", str(other.id), str(first.id))
    assert (elsewhere.exit_code, "Not compared" in elsewhere.stdout) == (3, True)
    assert isinstance(desk.run(commands, "diff", str(first.id)).exception, Conflict)


def test_a_scan_that_has_not_ended_is_no_base(loopback: UUID, worker: Worker, ledger: Ledger, ssh: tuple[int, Upgradable]) -> None:
    port, _server = ssh
    first = worker.scan(loopback, "127.0.0.1", ports=str(port))
    waiting, _job = jobs.submit_scan(ledger, loopback, jobs_request(str(port)), actor="test")
    with pytest.raises(Conflict, match="has not ended"):
        diff(ledger, loopback, first.id, waiting)
    found = diff(ledger, loopback, waiting, first.id)
    assert (found.changed, found.not_compared.hosts) == (False, 1)


WIDE = """
insert into scan (org, id, request, seed, state, started_at, finished_at, subject, previous_scan)
  values (%(org)s, %(scan)s, '{"targets": ["10.0.0.0/16"], "ports": "1-100"}', 0, 'finished', wf_now(), wf_now(), 'wide', %(base)s);
insert into asset (org, id, kind, key) select %(org)s, gen_random_uuid(), 'host', host('10.0.0.0'::inet + n)
  from generate_series(1, %(hosts)s) n on conflict do nothing;
insert into host (org, id, scan, asset, address, counts)
  select %(org)s, gen_random_uuid(), %(scan)s, a.id, a.key::inet, jsonb_build_object(((a.key::inet - '10.0.0.0'::inet) / 256)::text,
    '{"low": {"open": 4, "closed": 96}}'::jsonb) from asset a where a.org = %(org)s;
insert into service (org, id, scan, host, port, port_group, name, product, version)
  select %(org)s, gen_random_uuid(), %(scan)s, h.id, p, 'low', 'http', 'nginx', case when h.address = '10.0.1.1' then %(version)s else '1.0' end
  from host h cross join generate_series(80, 83) p where h.org = %(org)s and h.scan = %(scan)s;
insert into shard (org, id, scan, n, job, request, totals, state)
  select %(org)s, gen_random_uuid(), %(scan)s, n, gen_random_uuid(), jsonb_build_object('spans', jsonb_build_array(jsonb_build_array(
    host('10.0.0.0'::inet + n * 256), host('10.0.0.0'::inet + n * 256 + 255))), 'names', '{}'::jsonb,
    'groups', '[{"group": "low", "ports": [[1, 100]]}]'::jsonb), '{}', 'finished' from generate_series(0, %(hosts)s / 256) n;
"""


def wide(ledger: Ledger, org: UUID, hosts: int, *, scans: int = 2) -> list[UUID]:
    """Write scans of a wide network down; on one host four services have another version in the last one."""
    made = [new_id() for _ in range(scans)]
    with ledger.database.transaction(org) as session:
        for n, one in enumerate(made):
            values = {
                "org": org, "scan": one, "base": made[n - 1] if n else None, "hosts": hosts, "version": "1.1" if one == made[-1] else "1.0",
            }  # fmt: skip
            for statement in WIDE.split(";\n")[:-1]:
                wire_of(session).execute(statement, values)
    return made


def test_a_wide_scan_is_compared_page_by_page(org: UUID, ledger: Ledger) -> None:
    base, scan = wide(ledger, org, 3000)
    tracemalloc.start()
    found = diff(ledger, org, scan)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (found.base, counts(found)) == (base, {"hosts_changed": 1, "services_changed": 4})
    assert peak < 8 << 20, f"{peak:,} bytes"


def test_findings_of_a_host_that_is_gone_are_fixed_at_the_second_silent_scan(org: UUID, ledger: Ledger) -> None:
    with ledger.database.transaction(org) as session:
        for address, port in (("10.0.0.9", 80), ("10.0.0.9", 7000), ("10.0.0.10", 80)):
            record(
                session, org, key=f"{address}:{port}", capability="scans", check="c", asset=see(session, org, kind="host", key=address),
                target=address, port=port, title="t", severity=Severity.LOW, evidence="", remedy="", job=None,
            )  # fmt: skip
    seen, first, second = wide(ledger, org, 300, scans=3)
    with ledger.database.transaction(org) as session:  # the host goes silent after the scan that saw it
        gone = "host where org = %s and scan <> %s and address = '10.0.0.9'"
        wire_of(session).execute(f"delete from service where host in (select id from {gone})", (org, seen))
        wire_of(session).execute(f"delete from {gone}", (org, seen))

    def settle(look: UUID) -> list[str]:
        with ledger.database.transaction(org) as session:
            return [get_finding(session, org, one).key for one in fix_silent(session, org, look)]

    assert settle(first) == []
    assert settle(first) == []  # a repeated end counts no second miss
    # Only the port that was asked, only on the host that is silent.
    assert settle(second) == ["10.0.0.9:80"]
    with ledger.database.transaction(org) as session:
        states = {one.key: (one.state, one.misses) for one in list_findings(session, org).items}
    assert states == {"10.0.0.9:80": ("fixed", 0), "10.0.0.9:7000": ("open", 0), "10.0.0.10:80": ("open", 0)}
    found = diff(ledger, org, second)
    assert [(one.change, one.target, one.port) for one in found.findings] == [("fixed", "10.0.0.9", 80)]
    assert [(one.change, one.address) for one in diff(ledger, org, first).hosts] == [("gone", "10.0.0.9")]


def test_a_scan_that_nobody_answered_proves_nothing(loopback: UUID, worker: Worker, ledger: Ledger) -> None:
    with servers.listening(servers.site(lambda _asked: PAGE % b"1.22.1")) as web:
        worker.scan(loopback, "127.0.0.1", ports=str(web))
    for _ in range(2):
        silent = worker.scan(loopback, "127.0.0.1", ports=str(web))
        with ledger.database.transaction(loopback) as session:
            session.connection().exec_driver_sql("delete from host where scan = %s", (silent.id,))
            session.connection().exec_driver_sql("update finding set state = 'open', fixed_at = null")
            assert fix_silent(session, loopback, silent.id) == []
            assert [one.misses for one in list_findings(session, loopback).items] == [0]


def test_a_host_that_was_left_out_because_it_answered_nothing_is_gone_and_new_again(org: UUID, ledger: Ledger) -> None:
    seen, without, back = wide(ledger, org, 300, scans=3)
    with ledger.database.transaction(org) as session:
        wire = wire_of(session)
        gone = "host where org = %s and scan = %s and address = '10.0.0.9'"
        wire.execute(f"delete from service where host in (select id from {gone})", (org, without))
        wire.execute(f"delete from {gone}", (org, without))
        # Its ports were not asked, so its part did not have it.
        spans = '[["10.0.0.0", "10.0.0.8"], ["10.0.0.10", "10.0.0.255"]]'
        wire.execute(
            "update shard set request = jsonb_set(request, '{spans}', %s::jsonb) where org = %s and scan = %s and n = 0",
            (spans, org, without),
        )
        assert counts(comparing.difference(session, org, without)) == {}
        wire.execute("""update scan set silent_hosts = '[["10.0.0.9", "10.0.0.9"]]' where org = %s and id = %s""", (org, without))
    found = diff(ledger, org, without)
    assert [(one.change, one.address, one.closed) for one in found.hosts] == [("gone", "10.0.0.9", 4)]
    assert counts(found) == {"hosts_gone": 1}
    again = diff(ledger, org, back)
    assert [(one.change, one.address, one.opened) for one in again.hosts if one.change == "new"] == [("new", "10.0.0.9", 4)]
    assert again.counts.ports_reopened == 4
    assert seen == found.base


def test_udp_ports_are_compared_as_such(org: UUID, ledger: Ledger) -> None:
    _base, scan = wide(ledger, org, 2)
    with ledger.database.transaction(org) as session:
        wire = wire_of(session)
        wire.execute("""update shard set request = request || '{"groups": [], "udp": [[83, 83]]}' where org = %s""", (org,))
        wire.execute("update service set protocol = 'udp' where org = %s", (org,))
        wire.execute(
            "delete from service s using host h where h.org = s.org and h.id = s.host and s.org = %s and h.scan = %s and s.port = 83",
            (org, scan),
        )
        wire.execute(
            "update host set counts = jsonb_build_object('0', jsonb_build_object(%s::text, '{\"closed\": 1}'::jsonb)) where org = %s and scan = %s",
            (str(group_of(83)), org, scan),
        )
    assert {(one.change, one.protocol, one.port) for one in diff(ledger, org, scan).ports} == {("closed", "udp", 83)}
