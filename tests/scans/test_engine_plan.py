"""Facts about targets, ports and scope."""

from __future__ import annotations

import time
from datetime import timedelta
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.capabilities.scans.engine import plan, ports, ranges, scope
from watchfloor.capabilities.scans.engine import targets as reading
from watchfloor.capabilities.scans.engine.estimate import estimate, sentence
from watchfloor.capabilities.scans.engine.ranges import Span
from watchfloor.capabilities.scans.schemas import ControlPoint, Group, PortScope, ScanRequest, Scope, port_ranges
from watchfloor.kernel.errors import InvalidInput, OutOfScope, WatchfloorError

HOME = Scope(
    networks=("127.0.0.0/8", "::1", "10.0.0.0/8", "192.168.0.0/16"), domains=("Example.com", "*.example.org"), excluded=("10.9.0.0/16",)
)
EVERYTHING = Scope(networks=("0.0.0.0/0", "::/0"))


def spans(*networks: str) -> tuple[Span, ...]:
    return tuple(ranges.spans(networks))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", spans("127.0.0.1")[0]),
        (" 10.0.0.7 ", spans("10.0.0.7")[0]),
        ("[::1]", spans("::1")[0]),
        ("192.168.1.77/24", spans("192.168.1.0/24")[0]),
        ("2001:db8::/120", spans("2001:db8::/120")[0]),
        ("::ffff:10.0.0.1", spans("10.0.0.1")[0]),
        ("::ffff:10.0.0.1/128", spans("10.0.0.1")[0]),
        ("Host.Example.COM.", "host.example.com"),
        ("localhost", "localhost"),
        ("_sip.example.com", "_sip.example.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("ko\u0308ln.example", "xn--kln-sna.example"),
        ("192.168.1.10-20", Span(4, 0xC0A8010A, 0xC0A80114)),
        ("192.168.1.10 - 192.168.2.3", Span(4, 0xC0A8010A, 0xC0A80203)),
        ("2001:db8::1-2001:db8::ff", Span(6, (0x20010DB8 << 96) + 1, (0x20010DB8 << 96) + 0xFF)),
        ("[2001:db8::1]-[2001:db8::1]", Span(6, (0x20010DB8 << 96) + 1, (0x20010DB8 << 96) + 1)),
        ("10.0.0.7-7", spans("10.0.0.7")[0]),
        ("web-01.example.com", "web-01.example.com"),
        ("tag: web servers ", reading.Tag("web servers")),
    ],
)
def test_target_is_read(text: str, expected: Span | str) -> None:
    assert reading.parse_target(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("   ", "is empty"),
        ("http://example.com/", "is a URL"),
        ("fe80::1%eth0", "zone id"),
        ("127.0.0.01", "leading zero"),
        ("127.1", "four numbers"),
        ("2130706433", "four numbers"),
        ("0x7f.0.0.0x1", "four numbers"),
        ("300.1.1.1", "four numbers"),
        ("0x7f000001", "four numbers"),
        ("0177.0.0.1", "leading zero"),
        ("10.0.0.1.", "no dot at its end"),
        ("fe80::1%25eth0", "zone id"),
        ("10.0.0-5.1-20", "only its last number"),
        ("10.0.0.5-4", "ends before it starts"),
        ("10.0.0.5-300", "is not a range"),
        ("10.0.0.5-", "is not a range"),
        ("10.0.0.5-06", "is not a range"),
        ("10.0.0.5-::1", "one IP version to the other"),
        ("10.0.0.5-web.example.com", "is not a range"),
        ("::ffff:10.0.0.1-::ffff:10.0.0.9", "written as IPv6"),
        ("64:ff9b::1-64:ff9b::9", "written as IPv6"),
        ("tag:", "names no tag"),
        ("tag:a,b", "names no tag"),
        ("\uff11\uff12\uff17.0.0.1", "read as '127.0.0.1'"),
        ("127\u30020\u30020\u30021", "read as '127.0.0.1'"),
        ("\u24d4xample.com", "read as 'example.com'"),
        ("exam\u00adple.com", "read as 'example.com'"),
        ("example.co\u2098", "read as 'example.com'"),
        ("10.0.0.0/", "no prefix length"),
        ("10.0.0.0/08", "no prefix length"),
        ("10.0.0.0/\u0663", "no prefix length"),
        ("10.0.0.0/33", "0 to 32"),
        ("2001:db8::/129", "0 to 128"),
        ("example.com/24", "is not a network"),
        ("::ffff:0:0/97", "IPv4 written as IPv6"),
        ("2002:7f00::/24", "IPv4 written as IPv6"),
        ("10.0.0.1:80", "has a port"),
        ("1:2:3", "not an IPv6 address"),
        ("a..b", "empty part"),
        ("-a.example", "is not a part of one"),
        ("a b", "is not a part of one"),
        ("a\x00b", "is not a part of one"),
        ("a" * 64 + ".example", "is not a part of one"),
        (".".join(["abcdefgh"] * 30), "253"),
        ("stra\u00dfe.example", "xn-- form"),
        ("a\u200db.example", "xn-- form"),
        ("\ud800.example", "xn-- form"),
        ("\u202eevil.example", "xn-- form"),
    ],
)
def test_malformed_target_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as raised:
        reading.parse_targets(["10.0.0.1", text])
    assert raised.value.field == "/targets/1"
    assert str(raised.value).isascii()
    assert raised.value.__cause__ is None


def test_long_target_is_shown_cut() -> None:
    with pytest.raises(InvalidInput) as raised:
        reading.parse_targets(["x " * 10_000])
    assert len(str(raised.value)) < 400


def test_targets_are_merged_and_counted_once() -> None:
    parsed = reading.parse_targets(["10.0.0.0/25", "10.0.0.128/25", "10.0.0.5", "example.com", "EXAMPLE.com", "::1"])
    assert parsed.spans == spans("10.0.0.0/24", "::1")
    assert parsed.names == ("example.com",)
    assert parsed.size == 258


def test_no_target_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no target"):
        reading.parse_targets([])


def test_too_many_targets_are_refused() -> None:
    with pytest.raises(InvalidInput, match="10,001 targets"):
        reading.parse_targets(["10.0.0.1"] * 10_001)


@pytest.mark.parametrize(
    ("targets", "asked", "said"),
    [
        (["10.0.0.0/8"], "all", "16,777,216 addresses"),
        (["::/0"], "all", "addresses"),
        (["10.0.0.0/16"], "1-20000", "1,310,720,000 probes"),
        ([f"10.{net}.0.0/16" for net in range(153)], "1", "10,027,008 addresses"),
        (["10.0.0.0-10.255.255.255"], "all", "16,777,216 addresses"),
        (["2001:db8::-2001:db8:ffff::"], "all", "addresses"),
    ],
)
def test_what_is_too_much_is_refused_by_arithmetic(targets: list[str], asked: str, said: str) -> None:
    ports.ranking()
    ports.membership()
    started = time.process_time()
    with pytest.raises(InvalidInput, match=said):
        plan.make(targets, asked, HOME)
    # The promise is 5 ms; counting one by one would take seconds.
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [80]),
        ("443, 22 ,443", [22, 443]),
        ("1-3,2-5", [1, 2, 3, 4, 5]),
        ("65535", [65535]),
        (" 10 - 12 ", [10, 11, 12]),
        ("TOP-100", sorted(ports.top(100))),
        ("top-1000,65000", sorted({*ports.top(1000), 65000})),
        ("all", list(range(1, 65536))),
    ],
)
def test_ports_are_read(text: str, expected: list[int]) -> None:
    assert plan.parse_ports(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no port"),
        (" ", "no port"),
        ("0", "out of range"),
        ("70000", "out of range"),
        ("999999999999999999999999", "out of range"),
        ("22,", "not complete"),
        ("22-", "not complete"),
        ("-22", "not complete"),
        ("9-1", "Write 1-9"),
        ("080", "Write 80"),
        ("00", "leading zero"),
        ("ssh", "not understood"),
        ("top-7", "not understood"),
        ("1.5", "not understood"),
        ("\u0668\u0660", "not understood"),
        ("1-2-3", "not understood"),
    ],
)
def test_malformed_ports_say_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as raised:
        plan.parse_ports(text)
    assert raised.value.field == "/ports"
    assert str(raised.value).isascii()


def test_groups_keep_every_port_once_and_in_order() -> None:
    groups = plan.port_groups(list(range(1, 65536)))
    assert [group.group for group in groups] == list(Group)
    seen = [port for group in groups for first, last in group.ports for port in range(first, last + 1)]
    assert sorted(seen) == list(range(1, 65536))
    assert plan.width(groups[0].ports) == 30


def test_top_lists_begin_with_the_critical_ports() -> None:
    assert len(set(ports.top(100))) == 100
    assert len(set(ports.top(1000))) == 1000
    assert {22, 80, 443, 3389, 6379} <= set(ports.top(30))
    assert ports.top(30) == ports.ports_of(ports.CRITICAL)


def test_a_group_without_ports_is_left_out() -> None:
    assert [group.group for group in plan.port_groups([22, 65100])] == [Group.CRITICAL, Group.LOW]


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1", "64:ff9b:1::a9fe:a9fe", "64:ff9b:1:a9fe:a9:fe00::", "2001:0:1:1::5601:5601", "::169.254.169.254", "0.1.2.3",
        "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "ff02::1",
    ],
)  # fmt: skip
def test_denied_address_is_denied_whatever_the_scope_says(address: str) -> None:
    everything = Scope(
        networks=("0.0.0.0/0", "::/0", "169.254.0.0/16", "169.254.169.254", "fd00::/8", "224.0.0.0/4", address), domains=("example.com",)
    )
    assert "never contacted" in (scope.refusal(everything, address) or "")
    assert scope.refusal(everything, address, "www.example.com")
    assert not ranges.holds(scope.allowed(everything), ranges.span(ip_address(address)))
    assert not ranges.holds(scope.allowed_by_name(everything), ranges.span(ip_address(address)))


@pytest.mark.parametrize(
    ("held", "address", "name", "allowed"),
    [
        (HOME, "127.0.0.1", "", True),
        (HOME, "::1", "", True),
        (HOME, "::ffff:127.0.0.1", "", True),
        (HOME, "10.1.2.3", "", True),
        (HOME, "10.9.2.3", "", False),
        (HOME, "10.9.2.3", "a.example.com", False),
        (HOME, "8.8.8.8", "", False),
        (HOME, "8.8.8.8", "example.com", True),
        (HOME, "8.8.8.8", "www.example.com", True),
        (HOME, "8.8.8.8", "www.example.org", True),
        (HOME, "8.8.8.8", "badexample.com", False),
        (HOME, "8.8.8.8", "example.com.evil.test", False),
        (HOME, "172.16.0.1", "www.example.com", False),
        (HOME, "fc00::1", "www.example.com", False),
        (HOME, "2606:4700::1111", "www.example.com", True),
        (EVERYTHING, "8.8.8.8", "", True),
        (EVERYTHING, "127.0.0.1", "", False),
        (EVERYTHING, "::1", "", False),
        (EVERYTHING, "169.254.1.1", "", False),
        (Scope(networks=("169.254.0.0/16",)), "169.254.1.1", "", True),
        (Scope(), "127.0.0.1", "", False),
    ],
)
def test_scope_decides(held: Scope, address: str, name: str, allowed: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (scope.refusal(held, address, name) is None) is allowed


def test_refusal_says_what_to_do() -> None:
    assert "watchfloor scope add 8.8.8.8" in (scope.refusal(HOME, "8.8.8.8") or "")
    assert "scope must name itself" in (scope.refusal(EVERYTHING, "127.0.0.1") or "")
    assert "excluded" in (scope.refusal(HOME, "10.9.0.1") or "")


def test_plan_refuses_what_is_outside() -> None:
    for targets in (["8.8.8.8"], ["127.0.0.1", "8.8.8.0/24"], ["10.0.0.0/24", "169.254.169.254"], ["::2"], ["10.9.1.1"]):
        with pytest.raises(OutOfScope):
            plan.make(targets, "80", HOME)
    with pytest.raises(OutOfScope, match="Every address"):
        plan.make(["10.9.0.0/24"], "80", HOME)


def test_plan_leaves_out_what_is_excluded_before_counting() -> None:
    held = Scope(networks=("10.0.0.0/8",), excluded=("10.0.0.4/30",))
    found = plan.make(["10.0.0.0/28", "example.com"], "80,443", held)
    assert found.targets.size == 13
    assert (found.ports, found.pairs) == (2, 26)


def test_exclusions_are_left_out_before_anything_is_counted_or_judged() -> None:
    found = plan.make(
        ["10.0.0.0/28", "8.8.8.8", "a.example.com", "b.a.example.com", "c.example.com"],
        "80,443",
        HOME,
        exclude=["10.0.0.4-7", "10.0.0.8/31", "8.8.8.8", "A.example.com"],
    )
    assert found.targets.spans == tuple(ranges.subtract(spans("10.0.0.0/28"), spans("10.0.0.4/30", "10.0.0.8/31")))
    assert (found.targets.names, found.targets.size, found.pairs) == (("c.example.com",), 11, 22)
    assert found.excluded_names == ("a.example.com",)


def test_what_is_wholly_excluded_is_no_scan() -> None:
    with pytest.raises(InvalidInput, match="Everything"):
        plan.make(["10.0.0.1"], "80", HOME, exclude=["10.0.0.0/24"])


@pytest.mark.parametrize("text", ["tag:web", "1.2.3", "http://a.example"])
def test_malformed_exclusion_is_named(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        plan.make(["10.0.0.1"], "80", HOME, exclude=["10.9.0.1", text])
    assert (raised.value.field or "").startswith("/exclude")


def test_names_resolve_to_nothing_that_is_excluded() -> None:
    made = plan.make(["web.example.com", "10.0.0.0/30"], "80", HOME, exclude=["10.0.0.5", "db.example.com"])
    whole = plan.pinned(made, ["10.0.0.5", "8.8.8.8"], ["10.0.0.1", "::ffff:10.0.0.2"])
    assert [str(one.at(n)) for one in whole.targets.spans for n in range(one.size)] == ["8.8.8.8", "10.0.0.0", "10.0.0.3"]
    assert whole.targets.names == ()


def test_tagged_assets_are_looked_at_where_the_scope_allows_them() -> None:
    assets = [
        plan.Known("10.0.0.1", ("a.example.com",)),
        plan.Known("8.8.8.8", ("other.test", "b.example.com")),
        plan.Known("8.8.4.4", ("other.test",)),
        plan.Known("169.254.169.254"),
    ]
    found = plan.make(["tag:web"], "80", HOME, assets=assets)
    assert (found.targets.spans, found.targets.names) == (spans("10.0.0.1"), ("b.example.com",))
    assert [one.target for one in found.refused] == ["8.8.4.4", "169.254.169.254"]
    assert found.named["10.0.0.1"] == "a.example.com"


PORTS = Scope(
    networks=("10.0.0.0/24",),
    limited=(
        PortScope(ports=((80, 90),), networks=("10.0.0.0/16", "8.8.8.0/24"), domains=("example.com",)),
        PortScope(ports=((91, 91), (443, 443)), networks=("10.0.1.0/24",), domains=("www.example.com",)),
    ),
)


@pytest.mark.parametrize(
    ("address", "name", "asked", "allowed"),
    [
        ("10.0.0.1", "", "1-65535", True),
        ("10.0.1.1", "", "80-91,443", True),
        ("10.0.1.1", "", "80-92", False),
        ("10.0.2.1", "", "80,90", True),
        ("10.0.2.1", "", "80,91", False),
        ("10.0.2.1", "", "22", False),
        ("8.8.8.8", "", "85", True),
        ("8.8.8.8", "", "443", False),
        ("1.1.1.1", "www.example.com", "80-91,443", True),
        ("1.1.1.1", "mail.example.com", "443", False),
        ("1.1.1.1", "other.test", "80", False),
    ],
)
def test_an_entry_with_ports_allows_these_alone_and_entries_add_up(address: str, name: str, asked: str, allowed: bool) -> None:  # noqa: FBT001 - a column of the table
    wanted = port_ranges(plan.parse_ports(asked))
    assert (scope.refusal(PORTS, address, name, wanted) is None) is allowed


@given(
    st.lists(st.tuples(st.sets(st.integers(1, 12), min_size=1), st.integers(0, 15), st.integers(0, 6)), max_size=5),
    st.sets(st.integers(1, 12), min_size=1),
    st.integers(0, 15),
)
def test_entries_with_ports_agree_with_sets(held: list[tuple[set[int], int, int]], asked: set[int], last: int) -> None:
    entries = [(own, {f"10.0.0.{n}" for n in range(first, min(first + size, 15) + 1)}) for own, first, size in held]
    limited = tuple(PortScope(ports=port_ranges(sorted(own)), networks=tuple(sorted(addresses))) for own, addresses in entries)
    address = f"10.0.0.{last}"
    allowed = set().union(*(own for own, addresses in entries if address in addresses))
    found = scope.allowed(Scope(limited=limited), port_ranges(sorted(asked)))
    assert ranges.holds(found, ranges.span(ip_address(address))) is (asked <= allowed)


def test_a_scan_of_ports_the_scope_does_not_allow_says_which_it_does() -> None:
    with pytest.raises(OutOfScope, match=r"--ports 80-91,443 or some") as raised:
        plan.make(["10.0.1.7"], "22", PORTS)
    assert raised.value.target == "10.0.1.7"
    with pytest.raises(OutOfScope, match="some ports only"):
        plan.make(["10.0.0.0/16"], "22", PORTS)
    assert plan.make(["10.0.0.0/16"], "80", PORTS).pairs == 65_536


def test_neighbouring_entries_do_not_hide_that_loopback_is_named() -> None:
    held = Scope(networks=("126.0.0.0/8", "127.0.0.0/8", "128.0.0.0/8"))
    assert scope.refusal(held, "127.0.0.1") is None


def test_excluded_names_are_refused_with_all_below_them() -> None:
    held = Scope(networks=("10.0.0.0/8",), domains=("example.com",), excluded_names=("db.example.com",))
    assert scope.refusal(held, "8.8.8.8", "www.example.com") is None
    assert "excluded" in (scope.refusal(held, "8.8.8.8", "a.db.example.com") or "")
    assert (scope.in_domains(held, "a.example.com"), scope.in_domains(held, "a.db.example.com")) == (True, False)
    with pytest.raises(OutOfScope, match="excluded"):
        plan.make(["db.example.com"], "80", held)


OWN = (
    ControlPoint(first="127.0.0.0", last="127.255.255.255", port=5432, what="database"),
    ControlPoint(first="127.0.0.1", last="127.0.0.1", port=8000, what="API"),
)


def test_our_own_ports_are_cut_out_and_everything_else_stays() -> None:
    whole = plan.make(["127.0.0.0/30", "10.0.0.1"], "22,5432,8000,9000-9001", HOME)
    parts, said = plan.apart(whole, OWN)
    seen = {
        (str(one.at(n)), port)
        for part in parts
        for one in part.targets.spans
        for n in range(one.size)
        for group in part.groups
        for first, last in group.ports
        for port in range(first, last + 1)
    }
    wanted = {(f"127.0.0.{n}", port) for n in range(4) for port in (22, 8000, 9000, 9001)} | {
        ("10.0.0.1", port) for port in (22, 5432, 8000, 9000, 9001)
    }
    assert seen == wanted - {("127.0.0.1", 8000)}
    assert sum(part.pairs for part in parts) == len(seen)
    assert ["database" in said[0], "API" in said[1], len(said)] == [True, True, 2]


def test_a_scan_of_our_own_ports_alone_is_refused() -> None:
    with pytest.raises(OutOfScope, match="own API") as raised:
        plan.apart(plan.make(["127.0.0.1"], "8000", HOME), OWN[1:])
    assert raised.value.target == "127.0.0.1"


def test_a_plan_without_our_own_ports_stays_whole() -> None:
    whole = plan.make(["127.0.0.0/24"], "top-100", HOME)
    assert plan.apart(whole, OWN[:0]) == ([whole], [])
    assert plan.apart(plan.make(["10.0.0.0/24"], "all", HOME), OWN) == ([plan.make(["10.0.0.0/24"], "all", HOME)], [])


def test_a_wide_scan_is_estimated_by_arithmetic() -> None:
    parts, _ = plan.apart(plan.make(["10.0.0.0-10.0.255.255"], "top-1000", HOME, exclude=["10.9.0.0/16"]), OWN)
    found = estimate(parts, names=2, max_rate=None, slots=4)
    assert (found.addresses, found.names, found.ports, found.probes) == (65_538, 2, 1000, 65_538_000)
    assert timedelta(minutes=5) < found.duration < timedelta(hours=1)
    assert estimate(parts, names=0, max_rate=1000, slots=4).duration == timedelta(seconds=65_536)
    assert sentence(found) == "65,538 addresses times 1,000 ports are 65,538,000 probes, about 14 minutes"
    one, _ = plan.apart(plan.make(["10.0.0.1"], "top-100", HOME), ())
    assert sentence(estimate(one, names=0, max_rate=None, slots=9)).endswith("about a minute")
    assert sentence(estimate(parts, names=0, max_rate=1000, slots=4)).endswith("about 18.2 hours")


def test_a_scope_of_ten_thousand_entries_judges_ten_thousand_addresses_and_names() -> None:
    held = Scope(
        networks=tuple(f"10.{n >> 8}.{n & 255}.0/25" for n in range(10_000)), excluded=tuple(f"10.{n >> 8}.{n & 255}.7" for n in range(10_000)),
        domains=tuple(f"n{n}.example" for n in range(10_000)), excluded_names=tuple(f"db.n{n}.example" for n in range(10_000)),
    )  # fmt: skip
    found = [scope.refusal(held, f"10.{n >> 8}.{n & 255}.{n % 9}", f"www.n{n}.example") for n in range(10_000)]
    assert [n for n, why in enumerate(found) if why] == [n for n in range(10_000) if n % 9 == 7]


def test_one_port_may_be_written_as_a_number() -> None:
    assert ScanRequest.model_validate({"targets": ["127.0.0.1"], "ports": 8080}).ports == "8080"


addresses = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)), max_size=8)


@given(addresses, addresses)
def test_ranges_agree_with_sets(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    def numbers(found: list[tuple[int, int]]) -> set[int]:
        return {number for first, size in found for number in range(first, first + size + 1)}

    def merged(found: list[tuple[int, int]]) -> list[Span]:
        return ranges.merge(Span(4, first, first + size) for first, size in found)

    def back(found: list[Span]) -> set[int]:
        return {number for _, first, last in found for number in range(first, last + 1)}

    assert back(merged(one)) == numbers(one)
    assert back(ranges.subtract(merged(one), merged(other))) == numbers(one) - numbers(other)
    assert back(ranges.intersect(merged(one), merged(other))) == numbers(one) & numbers(other)
    assert all(ranges.holds(merged(one), Span(4, number, number)) == (number in numbers(one)) for number in range(72))


@given(st.text(max_size=80))
def test_no_text_breaks_the_parsers(text: str) -> None:
    for read in (lambda: reading.parse_targets([text]), lambda: plan.parse_ports(text)):
        said = ""
        try:
            read()
        except WatchfloorError as wrong:
            said = str(wrong)
        assert said.isascii()
