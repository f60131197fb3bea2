"""Facts about the limits a shard keeps with all others."""

from __future__ import annotations

from uuid import UUID

import pytest

from watchfloor.capabilities.scans.engine import ranges, rates
from watchfloor.capabilities.scans.schemas import Profile
from watchfloor.capabilities.scans.settings import ScanSettings

SCAN = UUID(int=7)
SETTINGS = ScanSettings()


def test_a_shard_leases_of_its_worker_its_scan_and_its_networks() -> None:
    found = {want.key: want for want in rates.wants(ranges.spans(["192.0.2.128/25"]), SCAN, 300, SETTINGS)}
    assert {key: want.per_second for key, want in found.items()} == {"worker": 50_000, f"scan:{SCAN}": 300, "net:192.0.2.0": 20_000}
    assert found["net:192.0.2.0"].members == frozenset(range(128, 256))


def test_a_scan_without_a_rate_of_its_own_leases_none() -> None:
    assert [want.key for want in rates.wants(ranges.spans(["192.0.2.1"]), SCAN, None, SETTINGS)] == ["worker", "net:192.0.2.0"]


def test_loopback_is_shared_by_address_and_never_slowed_down() -> None:
    for address in ("127.0.0.1", "::1"):
        (_worker, net) = rates.wants(ranges.spans([address]), SCAN, None, SETTINGS)
        assert (net.per_second, len(net.members)) == (None, 1)


@pytest.mark.parametrize("network", ["2001:db8::/64", "2001:db8::/112"])
def test_a_wide_ipv6_shard_has_its_network_for_itself(network: str) -> None:
    (_worker, net) = rates.wants(ranges.spans([network]), SCAN, None, SETTINGS)
    assert net.key == "net:2001:db8::"
    assert net.members == frozenset(range(256))


@pytest.mark.parametrize(
    ("address", "profile", "rate"),
    [
        ("8.8.8.8", Profile.NORMAL, 500), ("8.8.8.8", Profile.POLITE, 100), ("8.8.8.8", Profile.FAST, 5000), ("10.0.0.1", Profile.NORMAL, None),
        ("10.0.0.1", Profile.POLITE, 100), ("127.0.0.1", Profile.POLITE, None),
    ],
)  # fmt: skip
def test_one_host_is_pressed_as_the_profile_says(address: str, profile: Profile, rate: float | None) -> None:
    assert rates.rates({"worker": 1.0}, ranges.spans([address]), profile, SETTINGS).host == rate


def test_what_may_be_sent_is_the_smallest_share() -> None:
    found = rates.rates({"worker": 900.0, f"scan:{SCAN}": 40.0, "net:8.8.8.0": 7.0}, ranges.spans(["8.8.8.8"]), Profile.NORMAL, SETTINGS)
    assert (found.total, found.nets) == (40.0, {"8.8.8.0": 7.0})
