"""Promise 13: nothing outside the scope is contacted, however it is written, resolved or redirected; each try is refused and audited."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.floor import client_of
from tests.scans import servers
from tests.scans.floor import allow
from watchfloor.capabilities.scans import jobs
from watchfloor.capabilities.scans.connect import probe, resolve
from watchfloor.capabilities.scans.schemas import (
    AddressRange,
    ControlPoint,
    Group,
    PortGroup,
    ProbeHost,
    ProbeRequest,
    ResolveRequest,
    ScanRequest,
)
from watchfloor.catalog import CATALOG
from watchfloor.kernel.assets.inventory import see, tag
from watchfloor.kernel.assets.queries import list_scope
from watchfloor.kernel.assets.scope import add_scope, remove_scope
from watchfloor.kernel.audit.queries import list_entries
from watchfloor.kernel.errors import GiveUp, InvalidInput, OutOfScope, Unconfirmed
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.runner import Runner
from watchfloor.kernel.sandbox.client import Sandbox
from watchfloor.kernel.settings import kernel_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from uuid import UUID

    import httpx

    from tests.scans.floor import Worker
    from watchfloor.kernel.audit.queries import EntryView
    from watchfloor.kernel.jobs.ledger import Ledger
    from watchfloor.kernel.sandbox.zygote import Zygote

# Spellings of 127.0.0.1, of metadata services and of what is reserved. Only 127.0.0.2 is in the scope.
SPELLINGS = (
    "127.0.0.1", "127.0.0.1/32", "127.0.0.1-1", "127.0.0.0-127.0.0.2", "127.0.0.0/30", "127.1", "127.0.1", "2130706433", "0177.0.0.1", "0177.0.0.01",
    "0x7f000001", "0x7f.0.0.1", "0x7F.1", "017700000001", "127.0.0.1.", "127.0.0.01", "::ffff:127.0.0.1", "::ffff:7f00:1", "[::ffff:127.0.0.1]",
    "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:1:1::80ff:fffe",
    "::ffff:127.0.0.0/126", "::ffff:127.0.0.1-::ffff:127.0.0.3", "::1", "::1%lo", "fe80::1%lo", "127.0.0.1%lo", "fe80::1", "\uff11\uff12\uff17.0.0.1",
    "127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "http://127.0.0.1/", "127.0.0.1:80", "127.0.0.1 ", "1.1.1.1", "2606:4700::1111",
    "169.254.169.254", "169.254.169.253", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "224.0.0.1", "239.255.255.250", "ff02::1", "255.255.255.255", "0.0.0.0", "0",  # noqa: S104 - a target, nothing listens
    "::", "240.0.0.1", "0.1.2.3",
)  # fmt: skip


class Counted:
    """A listener's connections."""

    def __init__(self, port: int) -> None:
        """Start at none."""
        self.port = port
        self.times = 0


@contextmanager
def counting(address: str = "127.0.0.1", port: int = 0) -> Iterator[Counted]:
    """Accept, count and hang up; the count is complete once the block has ended."""
    with socket.create_server((address, port), backlog=64) as server:
        found = Counted(server.getsockname()[1])

        def accept() -> None:
            while True:
                client, _ = server.accept()
                with client:
                    try:
                        if client.recv(4, socket.MSG_WAITALL) == b"stop":
                            return
                    except ConnectionResetError:
                        pass  # how a scan hangs up
                    found.times += 1

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield found
        finally:
            # The queue is served in order: whoever came before is counted.
            with socket.create_connection((address, found.port)) as last:
                last.sendall(b"stop")
            thread.join()


class Watched:
    """A sandbox that says what it was asked to run, and whose resolver answers from a script."""

    def __init__(self, real: Sandbox, answers: Callable[[str], list[str]]) -> None:
        """Ask nobody yet."""
        self.real, self.answers = real, answers
        self.ran: list[str] = []
        self.asked: list[str] = []

    def run(self, function: Callable[..., Any], request: Any, **more: Any) -> Any:
        """Resolve here, with the scripted answers; everything else goes to the real box."""
        self.ran.append(function.__name__)
        if function is resolve:
            return resolve(ResolveRequest.model_validate(request), lambda *_, **__: None, ask=self.ask)
        return self.real.run(function, request, **more)

    def ask(self, name: str) -> list[str]:
        """Answer as a name server would."""
        self.asked.append(name)
        return self.answers(name)


@pytest.fixture
def narrow(ledger: Ledger, org: UUID) -> UUID:
    """Return an organisation that may scan 127.0.0.2 and names below example.test."""
    allow(ledger, org, "127.0.0.2")
    allow(ledger, org, "example.test")
    return org


def watch(worker: Worker, nursery: Zygote, answers: Callable[[str], list[str]] = lambda _name: []) -> Watched:
    """Put a watched sandbox under a worker."""
    watched = Watched(Sandbox(nursery.address), answers)
    sandbox: Any = lambda: watched  # noqa: E731 - a double of the one function that is called
    worker.runner = Runner(worker.ledger, CATALOG.kinds(), worker.board, sandbox=sandbox, sections=CATALOG.sections)
    return watched


def refusals(ledger: Ledger, org: UUID) -> list[EntryView]:
    """Return what the audit trail says was refused, oldest first."""
    with ledger.database.transaction(org) as session:
        found = list_entries(session, org, operation="scan.refuse", limit=500).items
    assert {one.outcome for one in found} <= {"refused"}
    return found[::-1]


def refused_at_the_door(ledger: Ledger, org: UUID, targets: Sequence[str], ports: str) -> None:
    with pytest.raises((OutOfScope, InvalidInput)):
        jobs.submit_scan(ledger, org, ScanRequest(targets=list(targets), ports=ports), actor="eve")


def test_every_spelling_is_refused_at_the_door_audited_and_contacts_nobody(
    narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote
) -> None:
    watched = watch(worker, nursery)
    with counting() as victim:
        for target in SPELLINGS:
            refused_at_the_door(ledger, narrow, ["127.0.0.2", target], str(victim.port))
        assert worker.run_all(narrow) == []
    assert (watched.ran, watched.asked, victim.times) == ([], [], 0)
    rows = refusals(ledger, narrow)
    assert len(rows) == len(SPELLINGS)
    assert {row.actor for row in rows} == {"eve"}
    assert all(row.reason and row.object for row in rows)
    assert worker.count("scan", narrow) == worker.count("job", narrow) == 0


def test_every_spelling_is_refused_by_the_worker_too(narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote) -> None:
    watched = watch(worker, nursery)
    with counting() as victim:
        for target in SPELLINGS:
            submit(ledger, narrow, jobs.run_scan, jobs.RunScan(targets=["127.0.0.2", target], ports=str(victim.port)))
        assert set(worker.run_all(narrow)) == {"scans.run"}
    assert (watched.ran, victim.times) == ([], 0)
    assert len(refusals(ledger, narrow)) == len(SPELLINGS)
    assert worker.count("scan", narrow) == len(SPELLINGS)
    assert worker.count("shard", narrow) == 0


def test_a_refusal_over_rest_stays_though_the_request_is_rolled_back(
    narrow: UUID, ledger: Ledger, http: httpx.Client, worker: Worker
) -> None:
    eve = client_of(http, ledger, narrow, "operator")
    with counting() as victim:
        for target, status in (("127.0.0.1", 403), ("::ffff:127.0.0.1", 403), ("169.254.169.254", 403), ("2130706433", 422)):
            for path in ("/scans", "/scans/estimate"):
                answer = eve.ask(
                    "POST", path, json={"targets": [target], "ports": str(victim.port)}, headers={"Idempotency-Key": target[:5]}
                )
                assert answer.status_code == status, target
        assert worker.run_all(narrow) == []
    assert victim.times == 0
    rows = refusals(ledger, narrow)
    assert [row.object for row in rows[::2]] == ["127.0.0.1", "127.0.0.1", "169.254.169.254", "2130706433"]
    assert all("of a test" in row.actor for row in rows)


def test_dns_rebinding_changes_nothing_for_a_scan_is_pinned_to_its_first_answer(
    narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote
) -> None:
    answers = iter([["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"], ["127.0.0.1"]])
    watched = watch(worker, nursery, lambda _name: next(answers))
    with counting("127.0.0.2") as pinned, counting("127.0.0.1", pinned.port) as victim:
        scan, _job = jobs.submit_scan(
            ledger, narrow, ScanRequest(targets=["www.example.test"], ports=str(pinned.port), services=False), actor="eve"
        )
        worker.run_all(narrow)
        with ledger.database.transaction(narrow) as session:
            (shard,) = session.connection().exec_driver_sql("select job from shard").scalars().all()
            session.connection().exec_driver_sql("update shard set state = 'taken'")
            session.connection().exec_driver_sql("update scan set state = 'running', finished_at = null")
        worker.again(shard)  # a repeated attempt does not ask again either
    assert watched.asked == ["www.example.test"]
    assert (watched.ran, victim.times) == (["resolve", "probe", "probe"], 0)
    assert pinned.times == 2
    assert worker.view(narrow, scan).open_ports == 1


@pytest.mark.parametrize(
    "evil",
    [
        "127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::ffff:127.0.0.1", "::ffff:169.254.169.254",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:1:1::80ff:fffe", "::127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.0", "::",  # noqa: S104 - an answer
        "fe80::1%lo", "fe80::1", "fc00::1",
    ],
)  # fmt: skip
def test_a_name_that_stands_for_what_is_not_allowed_leads_nowhere(
    narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote, evil: str
) -> None:
    watched = watch(worker, nursery, lambda _name: [evil])
    with counting() as victim:
        scan = worker.scan(narrow, "evil.example.test", ports=str(victim.port))
    assert (watched.ran, victim.times) == (["resolve"], 0)
    assert (scan.state, scan.hosts_up) == ("incomplete", 0)
    assert "evil.example.test" in (scan.error or "")
    (row,) = refusals(ledger, narrow)
    assert row.object.startswith("evil.example.test (")
    assert evil.partition("%")[0] in row.object


def test_of_a_names_addresses_only_the_allowed_ones_are_contacted(narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote) -> None:
    watched = watch(worker, nursery, lambda _name: ["127.0.0.1", "127.0.0.2", "169.254.169.254"])
    with counting("127.0.0.2") as allowed, counting("127.0.0.1", allowed.port) as victim:
        scan = worker.scan(narrow, "www.example.test", ports=str(allowed.port), services=False)
    assert (watched.ran, allowed.times, victim.times) == (["resolve", "probe"], 1, 0)
    assert (scan.state, scan.open_ports) == ("incomplete", 1)
    assert [row.object for row in refusals(ledger, narrow)] == ["www.example.test (127.0.0.1, 169.254.169.254)"]


def test_a_redirect_is_evidence_and_is_never_followed(narrow: UUID, worker: Worker) -> None:
    def redirect(_asked: bytes) -> bytes:
        return b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % victim.port

    with counting("127.0.0.1") as victim, redirecting("127.0.0.2", redirect) as port:
        scan = worker.scan(narrow, "127.0.0.2", ports=str(port))
    assert (scan.state, scan.open_ports, victim.times) == ("finished", 1, 0)


@contextmanager
def redirecting(address: str, answers: Callable[[bytes], bytes]) -> Iterator[int]:
    """Serve HTTP on another loopback address than the usual one."""
    talk = servers.answering(answers)
    ends = threading.Event()
    threads = []
    with socket.create_server((address, 0)) as server:

        def accept() -> None:
            while True:
                client, _ = server.accept()
                if ends.is_set():
                    client.close()
                    return
                client.settimeout(10)
                thread = threading.Thread(target=serve, args=(client,))
                threads.append(thread)
                thread.start()

        def serve(client: socket.socket) -> None:
            with client:
                try:
                    talk(client, ends)
                except OSError:
                    return

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        yield server.getsockname()[1]
        ends.set()
        socket.create_connection(server.getsockname()).close()
        for thread in (acceptor, *threads):
            thread.join()


def test_an_edited_part_is_refused_when_it_begins(narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote) -> None:
    watched = watch(worker, nursery)
    with counting() as victim:
        scan, job = jobs.submit_scan(ledger, narrow, ScanRequest(targets=["127.0.0.2"], ports=str(victim.port)), actor="eve")
        worker.run(job)
        with ledger.database.transaction(narrow) as session:
            session.connection().exec_driver_sql("update shard set request = replace(request::text, '127.0.0.2', '127.0.0.1')::jsonb")
        worker.run_all(narrow)
    assert (watched.ran, victim.times) == ([], 0)
    assert worker.view(narrow, scan).state == "incomplete"
    assert [row.object for row in refusals(ledger, narrow)] == ["127.0.0.1"]


def test_a_scope_that_ended_meanwhile_ends_the_scan_before_its_first_packet(
    narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote
) -> None:
    watched = watch(worker, nursery)
    with counting("127.0.0.2") as target:
        _scan, job = jobs.submit_scan(ledger, narrow, ScanRequest(targets=["127.0.0.2"], ports=str(target.port)), actor="eve")
        worker.run(job)
        with ledger.database.transaction(narrow) as session:
            for entry in list_scope(session, narrow).items:
                remove_scope(session, narrow, entry.id, actor="anna")
        worker.run_all(narrow)
    assert (watched.ran, target.times) == ([], 0)
    assert [row.object for row in refusals(ledger, narrow)] == ["127.0.0.2"]


def test_what_is_excluded_by_name_is_left_out_by_address(ledger: Ledger, org: UUID, worker: Worker, nursery: Zygote) -> None:
    allow(ledger, org, "127.0.0.0/29")
    with ledger.database.transaction(org) as session:
        add_scope(session, org, "db.example.test", actor="anna", exclude=True)
    watched = watch(worker, nursery, {"db.example.test": ["127.0.0.3"], "mail.example.test": ["127.0.0.1", "127.0.0.2"]}.__getitem__)
    with counting("127.0.0.1") as first, counting("127.0.0.2", first.port) as second, counting("127.0.0.3", first.port) as third:
        scan = worker.scan(org, "127.0.0.0/29", ports=str(first.port), exclude=["mail.example.test", "127.0.0.5-6"], services=False)
    assert (first.times, second.times, third.times) == (0, 0, 0)
    assert (scan.state, scan.hosts) == ("finished", 3)
    assert watched.asked == ["mail.example.test", "db.example.test"]


def test_an_excluded_name_nobody_can_resolve_stops_the_scan(ledger: Ledger, org: UUID, worker: Worker, nursery: Zygote) -> None:
    allow(ledger, org, "127.0.0.0/29")

    def fail(_name: str) -> list[str]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    watched = watch(worker, nursery, fail)
    scan = worker.scan(org, "127.0.0.1", ports="1", exclude=["db.example.test"])
    assert (watched.ran, scan.state) == (["resolve"], "incomplete")
    assert "which address to leave out" in (scan.error or "")


def test_an_excluded_name_that_does_not_exist_excludes_nothing(ledger: Ledger, org: UUID, worker: Worker, nursery: Zygote) -> None:
    allow(ledger, org, "127.0.0.0/29")

    def unknown(_name: str) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    watched = watch(worker, nursery, unknown)
    assert worker.scan(org, "127.0.0.1", ports="1", exclude=["db.example.test"]).state == "finished"
    assert watched.ran == ["resolve", "probe"]


def test_tagged_assets_outside_the_scope_are_left_out_and_audited(narrow: UUID, ledger: Ledger, worker: Worker, nursery: Zygote) -> None:
    watched = watch(worker, nursery)
    with ledger.database.transaction(narrow) as session:
        for address in ("127.0.0.1", "127.0.0.2", "169.254.169.254"):
            tag(session, narrow, see(session, narrow, kind="host", key=address), ["web"], actor="anna")
    with counting("127.0.0.2") as allowed, counting("127.0.0.1", allowed.port) as victim:
        scan = worker.scan(narrow, "tag:web", ports=str(allowed.port), services=False)
    assert (watched.ran, allowed.times, victim.times) == (["probe"], 1, 0)
    assert (scan.state, scan.hosts) == ("incomplete", 1)
    assert [row.object for row in refusals(ledger, narrow)] == ["127.0.0.1", "169.254.169.254"]
    refused_at_the_door(ledger, narrow, ["tag:nobody"], "1")


@pytest.fixture
def own_api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    """Count connections to this installation's own API."""
    with counting() as listener:
        monkeypatch.setenv("WATCHFLOOR_API_PORT", str(listener.port))
        kernel_settings.cache_clear()
        yield listener
    monkeypatch.undo()
    kernel_settings.cache_clear()


def test_our_own_control_plane_is_left_out_of_every_scan(loopback: UUID, ledger: Ledger, worker: Worker, own_api: Counted) -> None:
    with counting() as other:
        scan = worker.scan(loopback, "127.0.0.0/30", ports=f"{own_api.port},{other.port}", services=False)
    assert (scan.state, scan.hosts, scan.open_ports) == ("finished", 4, 1)
    assert f"Port {own_api.port} of 127.0.0.1 is this installation's own API" in scan.notes[0]
    refused_at_the_door(ledger, loopback, ["127.0.0.1"], str(own_api.port))
    refused_at_the_door(ledger, loopback, ["::ffff:127.0.0.1"], str(own_api.port))
    assert own_api.times == 0
    assert [row.object for row in refusals(ledger, loopback)] == ["127.0.0.1", "127.0.0.1"]


def shard(address: str, port: int, *, permitted: str, control: tuple[ControlPoint, ...] = ()) -> ProbeRequest:
    """Return what the sandbox is asked."""
    return ProbeRequest(
        hosts=(ProbeHost(address=address),), groups=(PortGroup(group=Group.LOW, ports=((1, 65_535),)),), control=control,
        permitted=(AddressRange(first=permitted, last=permitted),), seed=port,
    )  # fmt: skip


def test_the_sandbox_itself_refuses_what_is_not_on_its_list(nursery: Zygote) -> None:
    box = Sandbox(nursery.address)
    with counting() as victim:
        own = ControlPoint(first="127.0.0.0", last="127.255.255.255", port=victim.port, what="database")
        for request in (
            shard("127.0.0.1", victim.port, permitted="127.0.0.2"),
            shard("::ffff:127.0.0.1", victim.port, permitted="127.0.0.1"),
            shard("127.0.0.1", victim.port, permitted="127.0.0.1", control=(own,)),
        ):
            with pytest.raises(OutOfScope, match="nothing was sent"):
                run(box, request)
    assert victim.times == 0


def run(box: Sandbox, request: ProbeRequest) -> object:
    """Run a probe in a box as a job does."""
    from datetime import timedelta  # noqa: PLC0415 - here alone

    from watchfloor.kernel.sandbox.profiles import SCAN  # noqa: PLC0415 - here alone

    return box.run(probe, request, profile=SCAN, deadline=timedelta(seconds=60))


def test_a_wide_scan_needs_a_word_that_it_is_meant(ledger: Ledger, org: UUID, http: httpx.Client, worker: Worker) -> None:
    allow(ledger, org, "10.0.0.0/8")
    owner, operator = (client_of(http, ledger, org, role) for role in ("owner", "operator"))
    wide = {"targets": ["10.0.0.0/16"], "ports": "top-1000"}
    told = operator.ask("POST", "/scans", json=wide).json()
    assert (told["status"], told["code"]) == (409, "unconfirmed")
    assert "65,536,000 probes, about" in told["detail"]
    found = operator.post("/scans/estimate", wide)
    assert (found["probes"], found["addresses"], found["needs_confirmation"]) == (65_536_000, 65_536, True)
    assert worker.count("scan", org) == 0
    for client, body in ((operator, {**wide, "confirmed": True}), (owner, wide)):
        assert client.ask("POST", "/scans", json=body).status_code == 202
    assert operator.ask("POST", "/scans", json={"targets": ["10.0.0.0/20"], "ports": "top-1000"}).status_code == 202
    assert [row.object for row in refusals(ledger, org)] == ["10.0.0.0/16"]


def test_a_wide_scan_that_no_door_has_seen_is_refused_by_the_worker(ledger: Ledger, org: UUID, worker: Worker, nursery: Zygote) -> None:
    allow(ledger, org, "10.0.0.0/8")
    watched = watch(worker, nursery)
    submit(ledger, org, jobs.run_scan, jobs.RunScan(targets=["10.0.0.0/16"], ports="top-1000"))
    worker.run_all(org)
    assert watched.ran == []
    assert "wide scan" in (refusals(ledger, org)[0].reason or "")


def test_a_permission_for_some_ports_is_none_for_others(ledger: Ledger, org: UUID, worker: Worker, nursery: Zygote) -> None:
    watched = watch(worker, nursery)
    with counting("127.0.0.2") as allowed, counting("127.0.0.2") as other:
        with ledger.database.transaction(org) as session:
            add_scope(session, org, "127.0.0.2", actor="anna", ports=str(allowed.port))
        refused_at_the_door(ledger, org, ["127.0.0.2"], f"{allowed.port},{other.port}")
        assert worker.scan(org, "127.0.0.2", ports=str(allowed.port), services=False).state == "finished"
    assert (watched.ran, allowed.times, other.times) == (["probe"], 1, 0)


def test_errors_carry_their_names() -> None:
    assert (OutOfScope("x", target="y").target, Unconfirmed("x").status, GiveUp("x").reason) == ("y", 409, "x")
