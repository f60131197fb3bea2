"""Comparing two looks: what changed, and what cannot be said because one of them did not look."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from watchfloor.capabilities.scans.engine.difference import Comparison, Difference, FindingStates
from watchfloor.capabilities.scans.engine.known import Answers, Coverage, Facts, Known, Part, know, mask, over
from watchfloor.capabilities.scans.engine.ranges import spans
from watchfloor.capabilities.scans.schemas.events import Counts
from watchfloor.kernel.contract import Severity

A, B = UUID(int=1), UUID(int=2)
HOST = "192.0.2.1"
SSH = Facts(name="ssh", product="OpenSSH", version="9.2p1", revision="Debian-2+deb12u3")
ALL = ((1, 65_535),)


def host(*opened: int, asked: Any = ALL, silent: Any = (), alive: bool = True, facts: Facts = SSH, name: str = "") -> Known:
    """Return a host with these ports open."""
    services = {("tcp", port): facts for port in opened}
    return Known(HOST, name, alive=alive, services=services, asked={"tcp": mask(asked)}, silent={"tcp": mask(silent)})


def dead(asked: Any = ALL) -> Known:
    """Return an address that stayed silent."""
    return host(asked=asked, silent=asked, alive=False)


def compare(before: Known, now: Known, *earlier: int) -> Difference:
    """Return what changed on one host."""
    comparison = Comparison()
    comparison.host(before, now, {("tcp", port) for port in earlier})
    return comparison.result(base=A, scan=B)


def counts(found: Difference) -> dict[str, int]:
    """Return what is not zero, with what was not compared."""
    missed = {f"unknown_{name}": count for name, count in found.not_compared.model_dump(exclude_defaults=True).items()}
    return {**found.counts.model_dump(exclude_defaults=True), **missed}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (host(22), host(22), {}),
        (dead(), dead(), {}),
        (host(22), host(22, 80), {"ports_opened": 1, "hosts_changed": 1}),
        (host(22, 80), host(22), {"ports_closed": 1, "hosts_changed": 1}),
        (host(22, 80), host(22, silent=[(80, 80)]), {"ports_filtered": 1, "hosts_changed": 1}),
        (host(22, silent=[(80, 80)]), host(22), {}),
        (host(22), host(22, silent=[(80, 80)]), {}),
        # What one of them did not look at is unknown.
        (host(22, 80), host(22, asked=[(22, 22)]), {"unknown_ports": 1}),
        (host(22, asked=[(22, 22)]), host(22, 80), {"unknown_ports": 1}),
        # Hosts that come and go.
        (dead(), host(22, 80), {"hosts_new": 1, "ports_opened": 2}),
        (host(22, 80), dead(), {"hosts_gone": 1}),
        (host(22, 80), dead([(22, 80)]), {"unknown_hosts": 1, "ports_filtered": 2, "hosts_changed": 1}),
        (host(22, 80), dead([(22, 22)]), {"unknown_hosts": 1, "ports_filtered": 1, "unknown_ports": 1, "hosts_changed": 1}),
        (host(22, 80), dead([]), {"unknown_hosts": 1, "unknown_ports": 2}),
        (dead([]), host(22, 80), {"unknown_hosts": 1, "unknown_ports": 2}),
        (dead([(22, 22)]), host(22, 80), {"hosts_new": 1, "ports_opened": 1, "unknown_ports": 1}),
        (dead([(9, 9)]), host(22, asked=[(22, 22)]), {"unknown_hosts": 1, "unknown_ports": 1}),
        (host(asked=[(22, 22)]), dead([(22, 22)]), {"hosts_gone": 1}),
    ],
)
def test_what_changed_on_a_host(before: Known, now: Known, expected: dict[str, int]) -> None:
    found = compare(before, now)
    assert counts(found) == expected
    assert found.changed == any(not name.startswith("unknown") for name in expected)


def test_a_port_that_an_earlier_scan_saw_open_is_opened_again() -> None:
    found = compare(host(22), host(22, 80, 81), 80)
    assert [(one.change, one.port, one.product) for one in found.ports] == [("reopened", 80, "OpenSSH"), ("opened", 81, "OpenSSH")]
    assert counts(found) == {"ports_reopened": 1, "ports_opened": 1, "hosts_changed": 1}


def test_tcp_and_udp_are_apart() -> None:
    before = Known(HOST, alive=True, services={("udp", 53): SSH}, asked={"tcp": mask(ALL), "udp": mask([(53, 53)])})
    now = Known(HOST, alive=True, services={("tcp", 53): SSH}, asked={"tcp": mask(ALL)})
    assert [(one.change, one.protocol, one.port) for one in compare(before, now).ports] == [("opened", "tcp", 53)]
    assert counts(compare(before, now))["unknown_ports"] == 1


WEB = Facts(name="http", product="nginx", version="1.22.1", tls="TLSv1.3", certificate="a" * 64, subject="CN=example.org")


@pytest.mark.parametrize(
    ("before", "now", "changes"),
    [
        (
            SSH,
            Facts(name="ssh", product="OpenSSH", version="9.2p1", revision="Debian-2+deb12u5"),
            [("revision", "Debian-2+deb12u3", "Debian-2+deb12u5")],
        ),
        (
            SSH,
            Facts(name="ssh", product="dropbear", version="2022.83"),
            [("product", "OpenSSH", "dropbear"), ("version", "9.2p1", "2022.83")],
        ),
        (SSH, Facts(name="http", product="nginx"), [("name", "ssh", "http"), ("product", "OpenSSH", "nginx")]),
        (WEB, Facts(name="http", product="nginx", version="1.22.1", tls="TLSv1.2", certificate="a" * 64), [("tls", "TLSv1.3", "TLSv1.2")]),
        (WEB, Facts(name="http", product="nginx", version="1.22.1"), [("tls", "TLSv1.3", "none")]),
        (
            WEB,
            Facts(name="http", product="nginx", version="1.22.1", tls="TLSv1.3", certificate="b" * 64, subject="CN=example.net"),
            [("certificate", f"CN=example.org (SHA-256 {'a' * 16}…)", f"CN=example.net (SHA-256 {'b' * 16}…)")],
        ),
        # What a look could not tell is no change.
        (SSH, Facts(name="ssh", product="OpenSSH"), []),
        (Facts(name="ssh"), SSH, []),
        (SSH, Facts(), []),
        (WEB, Facts(), []),
        (Facts(name="tls", tls="TLSv1.3"), Facts(name="http", tls="TLSv1.3"), []),
    ],
)
def test_what_changed_about_a_service(before: Facts, now: Facts, changes: list[tuple[str, str, str]]) -> None:
    found = compare(host(443, facts=before), host(443, facts=now))
    assert [(one.field, one.before, one.after) for one in found.services] == changes
    assert (found.counts.services_changed, found.counts.hosts_changed) == ((1, 1) if changes else (0, 0))


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (None, "open", "new"), (None, "accepted", "new"), ("fixed", "open", "returned"), ("open", "fixed", "fixed"), ("accepted", "fixed", "fixed"),
        ("open", "open", None), ("open", "accepted", None), ("accepted", "open", None), ("open", "false_positive", None),
        (None, "false_positive", None), (None, "fixed", None), ("false_positive", "false_positive", None), (None, None, None),
    ],
)  # fmt: skip
def test_what_became_of_a_finding(before: str | None, after: str | None, verdict: str | None) -> None:
    comparison = Comparison()
    comparison.finding(
        FindingStates(
            finding=A, check="c", title="t", severity=Severity.LOW, target=HOST, protocol="tcp", port=22, before=before, after=after
        )
    )
    found = comparison.result(base=A, scan=B)
    assert [one.change for one in found.findings] == ([verdict] if verdict else [])
    assert found.changed == (verdict is not None)


def test_lists_are_cut_and_counts_are_whole() -> None:
    comparison = Comparison(most=3)
    comparison.host(host(22), host(22, *range(100, 110)))
    found = comparison.result(base=A, scan=B)
    assert (len(found.ports), found.counts.ports_opened, found.cut) == (3, 10, True)
    assert set(Counts.model_fields) == set(found.counts.model_dump())


LOW = ("low", "tcp", mask([(1, 100)]))
MEDIUM = ("medium", "tcp", mask([(200, 210)]))


def answers(counts: Any, *opened: int, silent: Any = None, listed: Any = None) -> Answers:
    """Return what a scan kept of a host."""
    services = {("tcp", port): SSH for port in opened}
    return Answers("", counts=counts, silent=silent or {}, services=services, listed={"low": len(opened)} if listed is None else listed)


def states(known: Known, *ports: int) -> list[str]:
    """Return what is known about ports."""
    return [known.state(("tcp", port)) for port in ports]


def test_a_part_in_which_all_ports_answered_knows_them_all() -> None:
    known = know(HOST, [Part(0, (LOW,), complete=True)], answers({"0": {"low": {"open": 1, "closed": 99}}}, 22))
    assert states(known, 22, 23, 101) == ["open", "closed", "unknown"]


def test_counts_alone_leave_a_group_with_one_silent_port_unknown_and_ranges_do_not() -> None:
    part = [Part(0, (LOW, MEDIUM), complete=False)]
    tallies = {"0": {"low": {"open": 1, "closed": 97, "filtered": 1, "skipped": 1}, "medium": {"closed": 11}}}
    assert states(know(HOST, part, answers(tallies, 22)), 22, 23, 205) == ["open", "unknown", "closed"]
    exact = {"0": {"filtered": [[30, 30]], "skipped": [[40, 40]]}}
    assert states(know(HOST, part, answers(tallies, 22, silent=exact)), 22, 23, 30, 40, 205) == [
        "open", "closed", "filtered", "unknown", "closed",
    ]  # fmt: skip


def test_ports_that_nobody_counted_are_unknown() -> None:
    part = [Part(0, (LOW,), complete=True)]
    assert states(know(HOST, part, answers({"0": {"low": {"open": 1, "closed": 50}}}, 22)), 22, 23) == ["open", "unknown"]
    exact = {"0": {"filtered": [[30, 30]]}}
    known = know(HOST, part, answers({"0": {"low": {"open": 1, "filtered": 1}}}, 22, silent=exact))
    assert states(known, 22, 23, 30) == ["open", "unknown", "filtered"]


def test_a_silent_address_is_known_only_where_nothing_was_left_out() -> None:
    assert states(know(HOST, [Part(0, (LOW,), complete=True)], None), 22, 101) == ["filtered", "unknown"]
    assert states(know(HOST, [Part(0, (LOW,), complete=False)], None), 22) == ["unknown"]
    # It answered in one part and not in the other.
    both = [Part(0, (LOW,), complete=True), Part(1, (MEDIUM,), complete=True)]
    assert states(know(HOST, both, answers({"0": {"low": {"open": 1, "closed": 99}}}, 22)), 23, 205) == ["closed", "filtered"]


def test_open_ports_that_are_not_listed_are_not_taken_for_closed() -> None:
    known = know(HOST, [Part(0, (LOW,), complete=True)], answers({"0": {"low": {"open": 60, "closed": 40}}}, 22))
    assert states(known, 22, 23) == ["open", "unknown"]


def test_gaps_of_the_newer_look_are_filled_by_the_older_one() -> None:
    newer = host(22, asked=[(22, 23)])
    older = host(80, 22, 23, asked=[(1, 100)], silent=[(90, 100)], name="old.example")
    known = over(newer, older)
    assert states(known, 22, 23, 80, 81, 95, 101) == ["open", "closed", "open", "closed", "filtered", "unknown"]
    assert (known.alive, known.name) == (True, "old.example")
    assert over(dead([(22, 22)]), host(22, 80)).alive
    assert not over(dead(), host(22, 80)).alive


def test_the_parts_that_had_an_address_are_found() -> None:
    first, second, third = Part(0, (LOW,), complete=True), Part(1, (LOW,), complete=True), Part(2, (MEDIUM,), complete=True)
    coverage = Coverage(
        [(first, spans(["10.0.0.0/25", "fd00::/120"])), (second, spans(["10.0.0.128/25"])), (third, spans(["10.0.0.4/30", "10.0.0.64/26"]))]
    )
    assert [part.n for part in coverage.of("10.0.0.5")] == [0, 2]
    assert [part.n for part in coverage.of("10.0.0.9")] == [0]
    assert [part.n for part in coverage.of("10.0.0.200")] == [1]
    assert [part.n for part in coverage.of("fd00::7")] == [0]
    assert coverage.of("10.0.1.0") == coverage.of("fd00::100") == coverage.of("9.255.255.255") == []


SOUGHT = Known(HOST, sought=True)


def test_an_address_that_answered_nothing_when_hosts_were_looked_for_is_new_or_gone_without_its_ports() -> None:
    assert counts(compare(SOUGHT, host(22, 80))) == {"hosts_new": 1, "ports_opened": 2}
    assert counts(compare(host(22, 80), SOUGHT)) == {"hosts_gone": 1}
    assert counts(compare(SOUGHT, SOUGHT)) == {}
    assert over(SOUGHT, host(22)) == SOUGHT
    assert over(host(22, asked=[(22, 22)]), SOUGHT).alive
    assert over(dead([]), SOUGHT).sought
    coverage = Coverage([], spans(["10.0.0.0/30"]))
    assert [coverage.sought(address) for address in ("10.0.0.3", "10.0.0.4", "web")] == [True, False, False]
