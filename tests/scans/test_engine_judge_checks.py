"""Facts about the list of checks: each is declared in full, and each sees what it is for and nothing else."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from tests.scans.factories import TODAY
from watchfloor.capabilities.scans.engine.judge import CHECKS, OPT_IN, catalogue, judge, key
from watchfloor.capabilities.scans.engine.judge.access import ROWS
from watchfloor.capabilities.scans.engine.judge.cleartext import ROWS as PLAIN
from watchfloor.capabilities.scans.engine.judge.versions import LINES, ended
from watchfloor.capabilities.scans.engine.sight import sight
from watchfloor.capabilities.scans.engine.suites import Strength, forward_secret, strength
from watchfloor.capabilities.scans.schemas import (
    Certificate,
    Group,
    HostAnswer,
    PortAnswer,
    PortGroup,
    Reply,
    Service,
    SshFacts,
    SshKey,
    Tally,
    TlsFacts,
    WebFacts,
)
from watchfloor.kernel.contract import Severity

OPEN = "no-authentication"


def leaf(**changed: Any) -> Certificate:
    good: dict[str, Any] = {
        "sha256": "0" * 64, "subject": "CN=a", "issuer": "CN=ca", "names": ("www.example.org", "*.shop.example.org", "192.0.2.1"),
        "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z", "self_signed": False, "signature_hash": "sha256", "key_type": "RSA",
        "key_bits": 2048,
    }  # fmt: skip
    return Certificate.model_validate(good | changed)


def tls(*suites: str, chain: tuple[Certificate, ...] = (), **changed: Any) -> Service:
    good: dict[str, Any] = {
        "versions": ("TLSv1.2", "TLSv1.3"),
        "suites": {"TLSv1.2": suites},
        "complete": True,
        "forward_secrecy": "always",
        "chain": chain,
    }
    return Service(port=443, name="tls", tls_version="TLSv1.3", certificate=chain[0] if chain else leaf(), tls=TlsFacts(**(good | changed)))


def ssh(**changed: Any) -> Service:
    return Service(port=22, name="ssh", ssh=SshFacts(**changed))


def web(*, secure: bool = True, name: str = "tls", product: str = "", version: str = "", **changed: Any) -> Service:
    good: dict[str, Any] = {
        "status": 200, "html": True,
        "headers": {
            "strict-transport-security": "max-age=1", "content-security-policy": "frame-ancestors 'self'", "x-content-type-options": "nosniff",
        },
    }  # fmt: skip
    return Service(
        port=443, name=name, product=product, version=version, tls_version="TLSv1.3" if secure else "", web=WebFacts(**(good | changed))
    )


def without(header: str) -> Service:
    good = web().web
    assert good is not None
    return web(headers={name: value for name, value in good.headers.items() if name != header})


# What each check sees, and a service so close to it that it must not.
CASES: dict[str, tuple[Service, Service]] = {
    **{row.id: (Service(port=1, name=row.services[0], facts=row.facts[:1]), Service(port=1, name=row.services[0])) for row in ROWS},
    **{f"cleartext-{name}": (Service(port=1, name=name), Service(port=1, name=name, facts=("starttls",))) for name, *_ in PLAIN},
    "http-basic-cleartext": (Service(port=80, name="http", facts=("basic-authentication",)), Service(port=80, name="http")),
    "cleartext-postgresql": (Service(port=1, name="postgresql", facts=("no-tls",)), Service(port=1, name="postgresql", facts=("tls-offered",))),
    "cleartext-mysql": (Service(port=1, name="mysql", facts=("no-tls",)), Service(port=1, name="mysql")),
    "cleartext-smtp": (Service(port=1, name="smtp", facts=("no-tls",)), Service(port=1, name="smtp", facts=("starttls",))),
    "ssh-protocol-1": (Service(port=22, name="ssh", facts=("ssh-1",)), Service(port=22, name="ssh")),
    "jdwp": (Service(port=1, name="jdwp"), Service(port=1)),
    "java-rmi": (Service(port=1, name="rmi"), Service(port=1)),
    "distcc": (Service(port=1, name="distcc"), Service(port=1)),
    "account-information": (Service(port=79, name="finger"), Service(port=79)),
    "small-services": (Service(port=7, name="echo"), Service(port=7)),
    "epmd": (Service(port=4369, name="epmd"), Service(port=4369)),
    "ajp": (Service(port=8009, name="ajp"), Service(port=8009)),
    "smb-1": (Service(port=445, name="smb", facts=("smb1",)), Service(port=445, name="smb")),
    "smb-signing": (Service(port=445, name="smb", facts=("smb-signing-off",)), Service(port=445, name="smb")),
    "rdp-no-nla": (Service(port=3389, name="rdp", facts=("rdp-no-nla",)), Service(port=3389, name="rdp")),
    "dns-recursion": (Service(port=53, name="dns", facts=("recursion",)), Service(port=53, name="dns")),
    "default-snmp-community": (Service(port=161, name="snmp", facts=("default-community",)), Service(port=161, name="snmp")),
    "open-proxy": (Service(port=3128, name="http", facts=("open-proxy",)), Service(port=3128, name="http")),
    "open-relay": (Service(port=25, name="smtp", facts=("open-relay",)), Service(port=25, name="smtp")),
    "tls-old-version": (tls(versions=("TLSv1.1", "TLSv1.2")), tls(refused=("TLSv1.1",))),
    "tls-null-cipher": (tls("TLS_RSA_WITH_NULL_SHA"), tls("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256")),
    "tls-anonymous-cipher": (tls("TLS_DH_anon_WITH_AES_128_CBC_SHA"), tls("TLS_DHE_RSA_WITH_AES_128_CBC_SHA")),
    "tls-export-cipher": (tls("TLS_RSA_EXPORT_WITH_RC4_40_MD5"), tls("TLS_RSA_WITH_RC4_128_MD5")),
    "tls-rc4": (tls("TLS_RSA_WITH_RC4_128_SHA"), tls("TLS_RSA_WITH_AES_128_CBC_SHA")),
    "tls-broken-cipher": (tls("TLS_RSA_WITH_DES_CBC_SHA"), tls("TLS_RSA_WITH_3DES_EDE_CBC_SHA")),
    "tls-3des": (tls("TLS_RSA_WITH_3DES_EDE_CBC_SHA"), tls("TLS_RSA_WITH_AES_128_CBC_SHA")),
    "tls-no-forward-secrecy": (tls(forward_secrecy="never"), tls(forward_secrecy="never", complete=False)),
    "tls-weak-dh": (tls(dh_bits=1024), tls(dh_bits=2048)),
    "tls-compression": (tls(compression=True), tls()),
    "tls-insecure-renegotiation": (tls(secure_renegotiation=False), tls(secure_renegotiation=None)),
    "tls-no-1.3": (tls(versions=("TLSv1.2",), refused=("TLSv1.3",)), tls(versions=("TLSv1.2",))),
    "tls-expired": (tls(chain=(leaf(not_after="2026-05-31T00:00:00Z"),)), tls()),
    "tls-expiring": (tls(chain=(leaf(not_after="2026-06-14T00:00:00Z"),)), tls(chain=(leaf(not_after="2026-06-15T00:00:00Z"),))),
    "tls-not-yet-valid": (tls(chain=(leaf(not_before="2026-06-02T00:00:00Z"),)), tls()),
    "tls-self-signed": (tls(chain=(leaf(self_signed=True),)), tls()),
    "tls-name-mismatch": (tls(chain=(leaf(names=("other.example.org", "*.example.org.evil")),)), tls()),
    "tls-weak-signature": (
        tls(chain=(leaf(), leaf(subject="CN=ca", issuer="CN=root", signature_hash="sha1"))),
        tls(chain=(leaf(), leaf(subject="CN=ca", issuer="CN=ca", signature_hash="sha1", self_signed=True))),
    ),
    "tls-weak-key": (tls(chain=(leaf(key_bits=1024),)), tls(chain=(leaf(key_type="EC", key_bits=256),))),
    "tls-chain-expired": (
        tls(chain=(leaf(), leaf(subject="CN=ca", issuer="CN=root", not_after="2026-05-01T00:00:00Z"))),
        tls(chain=(leaf(), leaf(subject="CN=ca", issuer="CN=ca", self_signed=True, not_after="2026-05-01T00:00:00Z"))),
    ),
    "tls-chain-order": (tls(chain=(leaf(), leaf(subject="CN=other"))), tls(chain=(leaf(), leaf(subject="CN=ca")))),
    "ssh-weak-key-exchange": (ssh(key_exchanges=("diffie-hellman-group14-sha1",)), ssh(key_exchanges=("diffie-hellman-group14-sha256",))),
    "ssh-weak-cipher": (ssh(ciphers=("aes128-cbc",)), ssh(ciphers=("aes128-ctr", "aes128-gcm@openssh.com"))),
    "ssh-weak-mac": (ssh(macs=("hmac-sha1",)), ssh(macs=("hmac-sha2-256", "umac-128@openssh.com"))),
    "ssh-weak-host-key-algorithm": (ssh(host_key_algorithms=("ssh-rsa",)), ssh(host_key_algorithms=("rsa-sha2-256",))),
    "ssh-weak-host-key": (ssh(keys=(SshKey(type="ssh-rsa", bits=1024, fingerprint="f"),)), ssh(keys=(SshKey(type="ssh-rsa", bits=2048, fingerprint="f"),))),
    "ssh-terrapin": (ssh(ciphers=("chacha20-poly1305@openssh.com",)), ssh(ciphers=("chacha20-poly1305@openssh.com",), strict=True)),
    "ssh-password-authentication": (ssh(methods=("password",), methods_known=True), ssh(methods=("publickey",), methods_known=True)),
    "ssh-no-authentication": (ssh(open=True), ssh()),
    "http-no-hsts": (without("strict-transport-security"), web()),
    "http-no-csp": (without("content-security-policy"), web(headers={}, status=301)),
    "http-framing": (web(headers={}), web(headers={"x-frame-options": "DENY"})),
    "http-sniffing": (without("x-content-type-options"), web()),
    "http-directory-listing": (web(listing=True), web(listing=True, status=403)),
    "http-git-exposed": (web(git="ref: refs/heads/main"), web()),
    "http-default-page": (web(default_page="nginx"), web()),
    "http-admin-panel": (web(panel="Jenkins"), web()),
    "http-any-origin": (web(headers={"access-control-allow-origin": "*"}), web(headers={"access-control-allow-origin": "https://a.example"})),
    "end-of-life": (Service(port=1, product="MariaDB", version="10.3.39"), Service(port=1, product="MariaDB", version="11.8.2")),
}  # fmt: skip


def seen(service: Service, name: str = "www.example.org", target: str = "10.0.0.1") -> dict[str, Severity]:
    return {one.check: one.severity for one in judge(target, [service], TODAY, name=name)}


def test_there_is_a_case_for_every_check() -> None:
    assert sorted(CASES) == sorted(check.id for check in CHECKS)


@pytest.mark.parametrize("check", sorted(CASES))
def test_a_check_sees_what_it_is_for(check: str) -> None:
    present, absent = CASES[check]
    assert check in seen(present)
    assert check not in seen(absent)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_a_check_is_declared_in_full(check: Any) -> None:
    assert re.fullmatch(r"[a-z0-9.-]{3,40}", check.id)
    assert all(text.endswith((".", ").", "`.")) for text in (check.description, check.needs, check.remedy, check.sends)), check
    assert not check.title.endswith(".")
    assert check.references
    assert all(link.startswith("https://") for link in check.references)


def test_ids_are_unique_and_the_list_is_sorted() -> None:
    ids = [one.id for one in catalogue()]
    assert ids == sorted(set(ids))
    assert len(ids) == len(CHECKS)


def test_only_these_wait_to_be_asked_for() -> None:
    assert {"default-snmp-community", "open-proxy", "open-relay"} == OPT_IN


def test_a_problem_carries_references_and_protocol() -> None:
    service = Service(port=161, protocol="udp", name="snmp", facts=("default-community",))
    (problem,) = judge("10.0.0.1", [service], TODAY)
    (other,) = judge("10.0.0.1", [service.model_copy(update={"protocol": "tcp"})], TODAY)
    assert problem.protocol == "udp"
    assert problem.references
    assert problem.description
    assert problem.key != other.key


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("www.example.org", True), ("WWW.Example.ORG.", True), ("a.shop.example.org", True), ("a.b.shop.example.org", False), ("shop.example.org", False),
        ("example.org", False), ("192.0.2.1", True), ("192.0.2.2", False), ("", True),
    ],
)  # fmt: skip
def test_names_are_compared_as_clients_do(name: str, fits: bool) -> None:  # noqa: FBT001 - a column of the table
    assert ("tls-name-mismatch" not in seen(tls(), name)) == fits


def test_a_version_of_a_distributions_package_is_not_alarming() -> None:
    old = Service(port=3306, name="mysql", product="MariaDB", version="10.3.39")
    packaged = old.model_copy(update={"facts": ("distribution-package",), "revision": "0+deb10u2"})
    assert seen(old)["end-of-life"] is Severity.MEDIUM
    assert seen(packaged)["end-of-life"] is Severity.INFO
    (problem,) = (one for one in judge("10.0.0.1", [packaged], TODAY) if one.check == "end-of-life")
    assert "back-ported" in problem.evidence


@pytest.mark.parametrize(
    ("product", "version", "today", "over"),
    [
        ("PHP", "7.4.33", "2022-11-28", None), ("PHP", "7.4.33", "2022-11-29", "7.4"), ("PHP", "5.3.1", "2026-01-01", "before 5.6"), ("PHP", "8.3.1", "2030-01-01", None),
        ("PostgreSQL", "9.6.24", "2026-01-01", "9.6"), ("PostgreSQL", "1", "2026-01-01", "before 9.6"), ("PostgreSQL", "100.1", "2026-01-01", None),
        ("MariaDB", "10.11.6", "2026-01-01", None), ("MariaDB", "10.1.48", "2026-01-01", "10.1"), ("Elasticsearch", "7.17.0", "2026-02-01", "7"),
        ("nginx", "0.1", "2026-01-01", None), ("MySQL", "", "2026-01-01", None), ("MySQL", "unknown", "2026-01-01", None),
    ],
)  # fmt: skip
def test_a_line_of_versions_ends_after_its_last_day(product: str, version: str, today: str, over: str | None) -> None:
    found = ended(product, version, date.fromisoformat(today))
    assert (found[0] if found else None) == over


def test_the_table_of_ends_holds_days() -> None:
    assert all(date.fromisoformat(day) for _source, lines in LINES.values() for day in lines.values())


def test_php_behind_a_server_is_seen_too() -> None:
    assert "end-of-life" in seen(web(powered_by="PHP/7.4.3"))
    assert "end-of-life" in seen(web(server="Apache/2.4.57 (Unix) PHP/5.6.40"))


def test_open_resolvers_matter_on_public_addresses() -> None:
    service = Service(port=53, name="dns", facts=("recursion",))
    assert seen(service, target="8.8.8.8")["dns-recursion"] is Severity.MEDIUM
    assert seen(service, target="fd00::1")["dns-recursion"] is Severity.INFO


@pytest.mark.parametrize(
    ("name", "graded", "secret"),
    [
        ("TLS_AES_128_GCM_SHA256", Strength.STRONG, True), ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Strength.STRONG, True),
        ("TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Strength.ACCEPTABLE, True), ("TLS_RSA_WITH_AES_128_GCM_SHA256", Strength.WEAK, False),
        ("TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256", Strength.WEAK, False), ("TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA", Strength.WEAK, True),
        ("TLS_RSA_WITH_RC4_128_SHA", Strength.INSECURE, False), ("TLS_DH_anon_WITH_AES_256_GCM_SHA384", Strength.INSECURE, True),
        ("TLS_RSA_WITH_NULL_SHA256", Strength.INSECURE, False), ("TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", Strength.INSECURE, False),
    ],
)  # fmt: skip
def test_suites_are_graded(name: str, graded: Strength, secret: bool) -> None:  # noqa: FBT001 - a column of the table
    assert strength(name) is graded
    assert forward_secret(name) == secret


def test_a_scan_that_did_not_make_a_check_leaves_its_findings_open() -> None:
    def of(*checks: str) -> frozenset[str]:
        port = PortAnswer(port=3128, looked=True, replies=(Reply(probe="http", data=b"HTTP/1.1 400 Bad\r\n\r\n"),), checks=checks)
        host = HostAnswer(address="10.0.0.1", tallies={Group.HIGH: Tally(open=1)}, open=((3128, 3128),), ports=(port,))
        seen = sight(host, (PortGroup(group=Group.HIGH, ports=((3128, 3128),)),), TODAY)
        assert seen is not None
        assert 3128 in seen.known_ports
        return seen.unmade

    wanted = key("10.0.0.1", 3128, "open-proxy")
    assert wanted in of()
    assert wanted not in of("open-proxy")


def test_an_unsettled_port_fixes_nothing() -> None:
    port = PortAnswer(port=443, looked=True, replies=(Reply(probe="http", data=b"HTTP/1.1 400 Bad\r\n\r\n"),), unsettled=True)
    host = HostAnswer(address="10.0.0.1", tallies={Group.HIGH: Tally(open=1)}, open=((443, 443),), ports=(port,))
    seen = sight(host, (PortGroup(group=Group.HIGH, ports=((443, 443),)),), TODAY)
    assert seen is not None
    assert 443 not in seen.known_ports
