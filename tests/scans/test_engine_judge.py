"""Facts about judging services."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.scans.factories import TODAY
from watchfloor.capabilities.scans.engine.judge import judge, key
from watchfloor.capabilities.scans.schemas import Certificate, Service
from watchfloor.kernel.contract import Severity

DAY = timedelta(days=1)


def leaf(**changed: object) -> Certificate:
    good = {
        "sha256": "0" * 64, "subject": "CN=a", "issuer": "CN=ca", "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z",
        "self_signed": False, "signature_hash": "sha256", "key_type": "RSA", "key_bits": 2048,
    }  # fmt: skip
    return Certificate.model_validate(good | changed)


def secure(**changed: object) -> Service:
    return Service(port=443, name="https", tls_version="TLSv1.3", certificate=leaf(**changed))


def found(service: Service) -> list[tuple[str, str]]:
    return [(one.check, one.severity.value) for one in judge("10.0.0.1", [service], TODAY)]


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        (Service(port=23, name="telnet"), [("cleartext-telnet", "high")]),
        (Service(port=21, name="ftp"), [("cleartext-ftp", "medium")]),
        (Service(port=80, name="http"), [("cleartext-http", "low")]),
        (Service(port=80, name="http", facts=("basic-authentication",)), [("http-basic-cleartext", "high"), ("cleartext-http", "low")]),
        (Service(port=6379, name="redis"), [("cleartext-redis", "medium")]),
        (
            Service(port=6379, name="redis", facts=("no-authentication",)),
            [("unauthenticated-redis", "critical"), ("cleartext-redis", "medium")],
        ),
        (
            Service(port=6380, name="redis-tls", tls_version="TLSv1.3", facts=("no-authentication",)),
            [("unauthenticated-redis", "critical")],
        ),
        (
            Service(port=11211, name="memcached", facts=("no-authentication",)),
            [("unauthenticated-memcached", "high"), ("cleartext-memcached", "medium")],
        ),
        (Service(port=2181, name="zookeeper", facts=("no-authentication",)), [("unauthenticated-zookeeper", "high")]),
        (Service(port=5432, name="postgresql", facts=("no-tls",)), [("cleartext-postgresql", "medium")]),
        (Service(port=5432, name="postgresql", facts=("tls-offered",)), []),
        (Service(port=22, name="ssh"), []),
        (Service(port=22, name="ssh", facts=("ssh-1",)), [("ssh-protocol-1", "high")]),
        (Service(port=1, name="unknown"), []),
        (Service(port=443, name="https", tls_version="TLSv1.3"), []),
        (Service(port=443, name="https", tls_version="TLSv1.3", tls_oldest="TLSv1"), [("tls-old-version", "medium")]),
        (Service(port=443, name="https", tls_version="TLSv1.1"), [("tls-old-version", "medium")]),
        (Service(port=443, name="https", tls_version="TLSv1.2", tls_oldest="SSLv3"), [("tls-old-version", "high")]),
        (secure(), []),
        (secure(self_signed=True), [("tls-self-signed", "low")]),
        (secure(signature_hash="sha1"), [("tls-weak-signature", "medium")]),
        (secure(signature_hash="md5"), [("tls-weak-signature", "medium")]),
        (secure(key_bits=1024), [("tls-weak-key", "medium")]),
        (secure(key_bits=2047), [("tls-weak-key", "medium")]),
        (secure(key_type="DSA", key_bits=1024), [("tls-weak-key", "medium")]),
        (secure(key_type="EC", key_bits=256), []),
        (secure(key_type="EC", key_bits=192), [("tls-weak-key", "medium")]),
        (secure(key_type="Ed25519", key_bits=256), []),
        (secure(key_type="unknown", key_bits=0), []),
        (secure(not_after=(TODAY - DAY).isoformat()), [("tls-expired", "high")]),
        (secure(not_after=TODAY.isoformat()), [("tls-expiring", "medium")]),
        (secure(not_after=(TODAY + 14 * DAY - DAY / 24).isoformat()), [("tls-expiring", "medium")]),
        (secure(not_after=(TODAY + 14 * DAY).isoformat()), []),
        (secure(not_before=(TODAY + DAY).isoformat()), [("tls-not-yet-valid", "medium")]),
        (secure(not_before=TODAY.isoformat()), []),
        (
            secure(not_before="2030-01-01T00:00:00Z", not_after="2020-01-01T00:00:00Z"),
            [("tls-expired", "high"), ("tls-not-yet-valid", "medium")],
        ),
    ],
)
def test_verdicts(service: Service, expected: list[tuple[str, str]]) -> None:
    assert found(service) == expected


def test_key_survives_an_upgrade() -> None:
    before = judge("10.0.0.1", [Service(port=21, name="ftp", product="vsftpd", version="3.0.3", evidence="220 (vsFTPd 3.0.3)")], TODAY)
    after = judge("10.0.0.1", [Service(port=21, name="ftp", product="vsftpd", version="3.0.5", evidence="220 (vsFTPd 3.0.5)")], TODAY + DAY)
    assert [one.key for one in before] == [one.key for one in after] == [key("10.0.0.1", 21, "cleartext-ftp")]


def test_keys_differ_by_target_port_and_check() -> None:
    assert len({key("a", 1, "x"), key("b", 1, "x"), key("a", 2, "x"), key("a", 1, "y")}) == 4


def test_every_problem_has_a_sentence_for_people() -> None:
    services = [
        Service(port=80, name="http"),
        secure(self_signed=True, signature_hash="sha1", key_bits=1024, not_after="2020-01-01T00:00:00Z"),
    ]
    for one in judge("10.0.0.1", services, TODAY):
        assert one.title
        assert one.remedy.endswith((".", ")."))
        assert one.target == "10.0.0.1"


def test_worst_comes_first() -> None:
    services = [
        Service(port=80, name="http"),
        Service(port=6379, name="redis", facts=("no-authentication",)),
        Service(port=23, name="telnet"),
    ]
    ranks = [one.severity for one in judge("a", services, TODAY)]
    assert ranks == [Severity.CRITICAL, Severity.HIGH, Severity.MEDIUM, Severity.LOW]
