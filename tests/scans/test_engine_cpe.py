"""Facts about CPE names."""

from __future__ import annotations

import re

import pytest

from watchfloor.capabilities.scans.engine.cpe import PRODUCTS, cpe, cpes

BOUND = re.compile(r"cpe:2\.3:a:(?:[a-z0-9._\-]|\\[^a-z0-9])+:(?:[a-z0-9._\-]|\\[^a-z0-9])+(?::(?:[A-Za-z0-9._]|\\[^A-Za-z0-9]|\*)+){8}\Z")


@pytest.mark.parametrize(
    ("product", "version", "first"),
    [
        ("OpenSSH", "9.2p1", "cpe:2.3:a:openbsd:openssh:9.2:p1:*:*:*:*:*:*"),
        ("InfluxDB", "1.6.7~rc0", "cpe:2.3:a:influxdata:influxdb:1.6.7:rc0:*:*:*:*:*:*"),
        ("BIND", "9.18.30-S1", "cpe:2.3:a:isc:bind:9.18.30:s1:*:*:*:*:*:*"),
        ("ProFTPD", "1.3.8b", "cpe:2.3:a:proftpd:proftpd:1.3.8b:*:*:*:*:*:*:*"),
        ("nginx", "", "cpe:2.3:a:f5:nginx:*:*:*:*:*:*:*:*"),
        ("Jenkins", "2:1", "cpe:2.3:a:jenkins:jenkins:2\\:1:*:*:*:*:*:*:*"),
        ("nobody's", "1", ""),
    ],
)
def test_name_is_that_of_the_dictionary(product: str, version: str, first: str) -> None:
    assert cpe(product, version) == first


def test_other_names_of_a_product_are_told() -> None:
    assert [name.split(":")[3] for name in cpes("nginx", "1.22.1")] == ["f5", "nginx", "igor_sysoev"]
    assert "cpe:2.3:a:redislabs:redis:7.0.15:*:*:*:*:*:*:*" in cpes("Redis", "7.0.15")


@pytest.mark.parametrize("product", PRODUCTS)
def test_every_name_is_well_formed(product: str) -> None:
    assert len(set(PRODUCTS[product])) == len(PRODUCTS[product])
    for version in ("", "1.2.3", "1.2.3-rc1", "a b:c*?\\"):
        assert all(BOUND.match(name) for name in cpes(product, version)), cpes(product, version)
