"""Spellings of addresses that must not be reached, and of those that must."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from watchfloor.kernel.errors import EgressRefused
from watchfloor.kernel.fetch.guard import Reach, Sort, host_named, locate, sort_of

ANY = Reach(ports=frozenset({80, 443}), plain=True)

SPELLINGS = [
    "http://127.0.0.1/", "http://127.1/", "http://127.0.1/", "http://0x7f.1/", "http://0x7f000001/", "http://2130706433/",
    "http://017700000001/", "http://0177.0.0.1/", "http://127.000.000.001/", "http://127.0.0.1./", "http://127.255.255.254/",
    "http://\uff11\uff12\uff17.0.0.1/", "http://127\u30020\u30020\u30021/", "http://\u2460\u2461\u2466.0.0.1/", "http://0/", "http://0.0.0.0/",
    "http://0x0/", "http://[::]/", "http://[::1]/", "http://[0:0:0:0:0:0:0:1]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/", "http://[::ffff:0:127.0.0.1]/", "http://[64:ff9b::127.0.0.1]/", "http://[64:ff9b::a9fe:a9fe]/",
    "http://[64:ff9b:1::1]/", "http://[2002:7f00:1::]/", "http://[2002:a00:1::]/", "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
    "http://[fe80::1]/", "http://[fec0::1]/", "http://[fc00::1]/", "http://[fd12:3456::1]/", "http://[ff02::1]/", "http://[2001:db8::1]/",
    "http://[3fff::1]/", "http://[100::1]/", "http://[5f00::1]/", "http://[fd00:ec2::254]/", "http://10.0.0.1/", "http://172.16.0.1/",
    "http://172.31.255.255/", "http://192.168.1.1/", "http://100.64.0.1/", "http://100.100.100.200/", "http://169.254.169.254/",
    "http://0xa9fea9fe/", "http://2852039166/", "http://169.254.43518/", "http://168.63.129.16/", "http://192.0.0.192/", "http://192.0.2.1/",
    "http://198.18.0.1/", "http://198.51.100.1/", "http://203.0.113.1/", "http://224.0.0.1/", "http://240.0.0.1/", "http://255.255.255.255/",
]  # fmt: skip


@pytest.mark.parametrize("url", SPELLINGS)
def test_an_address_that_is_not_public_is_refused_however_it_is_spelled(url: str) -> None:
    location = locate(url)
    with pytest.raises(EgressRefused, match="only public addresses are reached"):
        ANY.judge(location.origin, location.host, [location.host])


@pytest.mark.parametrize("url", [
    "ftp://example.com/", "file:///etc/passwd", "gopher://example.com/", "//example.com/", "example.com", "http://", "http:///path",
    "http://user@example.com/", "http://user:pass@example.com/", "http://example.com@127.0.0.1/", "http://127.0.0.1\\@example.com/",
    "http://example.com:0/", "http://example.com:99999/", "http://example.com:http/", "http://exa mple.com/", "http://example.com/\r\nHost: x",
    "http://exam\tple.com/", "http://[fe80::1%25eth0]/", "http://[fe80::1%eth0]/", "http://[v1.x]/", "http://[::1", "http://256.0.0.1/",
    "http://1.2.3.4.5/", "http://0x7g.1/", "http://08.0.0.1/", "http://4294967296/", "http://127.0.0.0x/", "http://a..b/", "http://-\u2100/",
    "http://example.com%2f@127.0.0.1/", "http://example%2ecom/", "http://" + "a" * 64 + ".com/", "http://x/" + "a" * 9000,
    "http://ex\u2028ample.com/", "http://1.1.1.1%00.example.com/",
])  # fmt: skip
def test_what_can_be_read_in_two_ways_is_not_read_at_all(url: str) -> None:
    try:
        location = locate(url)
    except EgressRefused:
        return
    # Some of these have one strict reading that is refused for what it points to.
    with pytest.raises(EgressRefused):
        ANY.judge(location.origin, location.host, [location.host])


@pytest.mark.parametrize(("spelled", "host"), [
    ("EXAMPLE.com.", "example.com"), ("b\u00fccher.example", "xn--bcher-kva.example"), ("ex\u24d0mple.com", "example.com"),
    ("a_b.example", "a_b.example"), ("1.example", "1.example"), ("8.8.8.8", "8.8.8.8"), ("134744072", "8.8.8.8"), ("0x08080808", "8.8.8.8"),
    ("010.010.010.010", "8.8.8.8"), ("8.8.2056", "8.8.8.8"), ("0x7f", "0.0.0.127"), ("a.0x", None), ("a.1", None), ("", None),
])  # fmt: skip
def test_a_host_has_one_form(spelled: str, host: str | None) -> None:
    assert host_named(spelled) == host


@pytest.mark.parametrize("address", [
    "8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1", "2606:4700::1111", "2a00:1450::1",
    "64:ff9b::8.8.8.8", "::ffff:8.8.8.8", "2002:808:808::1", "2620:4f:8000::1",
])  # fmt: skip
def test_public_addresses_pass_behind_nat64_too(address: str) -> None:
    assert sort_of(ip_address(address)) is Sort.PUBLIC
    assert ANY.judge("http://any.example:80", "any.example", [address]) == [address]


def test_one_bad_answer_among_good_ones_refuses_the_name() -> None:
    with pytest.raises(EgressRefused, match=r"two-faced.example is at 10.0.0.1"):
        ANY.judge("https://two-faced.example:443", "two-faced.example", ["8.8.8.8", "10.0.0.1"])


@pytest.mark.parametrize("answer", ["fe80::1%eth0", "fe80::1%2", "::1%lo", "nonsense", ""])
def test_an_answer_of_one_link_or_of_no_shape_is_refused(answer: str) -> None:
    with pytest.raises(EgressRefused):
        ANY.judge("https://a.example:443", "a.example", [answer])


@pytest.mark.parametrize("host", ["metadata.google.internal", "METADATA.google.internal.", "metadata", "instance-data"])
def test_names_of_metadata_services_are_never_asked(host: str) -> None:
    location = locate(f"http://{host}/")
    with pytest.raises(EgressRefused, match="metadata"):
        ANY.judge(location.origin, location.host, ["8.8.8.8"])


def test_listed_networks_are_reached_and_nothing_beside_them() -> None:
    reach = Reach(networks=(ip_network("10.1.0.0/16"), ip_network("fd12::/16")), ports=frozenset({443}))
    assert reach.judge("https://chat.corp:443", "chat.corp", ["10.1.2.3", "fd12::9"]) == ["10.1.2.3", "fd12::9"]
    for address in ("10.2.0.1", "192.168.0.1", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "127.0.0.1", "fd00:ec2::254"):
        with pytest.raises(EgressRefused):
            reach.judge("https://chat.corp:443", "chat.corp", [address])


@pytest.mark.parametrize(
    "network", ["127.0.0.0/8", "::1/128", "169.254.0.0/16", "0.0.0.0/0", "::/0", "10.0.0.0/7", "100.64.0.0/10", "8.8.8.0/24"]
)
def test_what_may_not_be_listed_is_an_error_at_once(network: str) -> None:
    with pytest.raises(ValueError, match="cannot be allowed"):
        Reach(networks=(ip_network(network),))


def test_loopback_is_listed_only_where_that_is_asked_for() -> None:
    reach = Reach(networks=(ip_network("127.0.0.0/8"),), near=True)
    assert reach.judge("https://a.example:443", "a.example", ["127.0.0.1"]) == ["127.0.0.1"]
    with pytest.raises(EgressRefused):
        reach.judge("https://a.example:443", "a.example", ["::1"])


def test_the_operators_own_mirror_may_be_near_and_plain_and_nothing_else_may() -> None:
    mirror = locate("http://mirror.corp:8080/nvd")
    reach = Reach(hosts=frozenset({"nvd.nist.gov"}), own=frozenset({mirror.origin}))
    reach.check(mirror)
    for address in ("10.0.0.1", "127.0.0.1", "::1", "100.64.1.1", "192.168.0.1"):
        assert reach.judge(mirror.origin, mirror.host, [address]) == [address]
    for address in ("169.254.169.254", "100.100.100.200", "fe80::1", "0.0.0.0", "224.0.0.1", "fd00:ec2::254"):  # noqa: S104 - judged
        with pytest.raises(EgressRefused):
            reach.judge(mirror.origin, mirror.host, [address])
    for other in (
        "http://mirror.corp:8081/",
        "https://mirror.corp/",
        "http://nvd.nist.gov/",
        "https://nvd.nist.gov:8443/",
        "https://a.nvd.nist.gov/",
    ):
        with pytest.raises(EgressRefused):
            reach.check(locate(other))
    reach.check(locate("https://NVD.nist.gov/feeds"))
    with pytest.raises(EgressRefused):
        reach.judge("https://nvd.nist.gov:443", "nvd.nist.gov", ["10.0.0.1"])


def test_a_location_is_written_out() -> None:
    assert locate("https://Example.com/a b".replace(" ", "%20")).url == "https://example.com:443/a%20b"
    assert locate("http://[2606:4700::1111]/?q=\u00fc#part").url == "http://[2606:4700::1111]:80/?q=%C3%BC"
