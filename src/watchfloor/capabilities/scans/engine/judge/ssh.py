"""Checks of SSH: algorithms, host keys, Terrapin, ways to sign in. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge.check import MOZILLA_SSH, NIST_KEYS, Category, Check, Seen, Subject, cwe, rfc
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NEEDS = "The SSH audit of the port."
SENDS = "Our identification and list of algorithms, and the start of a key exchange, on at most three connections."
WEAK_CIPHERS = ("3des", "arcfour", "blowfish", "cast128", "des", "idea", "rc4", "none", "rijndael-cbc", "seed", "serpent", "twofish")
CHACHA = "chacha20-poly1305@openssh.com"
RSA_BITS_MIN, EC_BITS_MIN = 2048, 256
BROKEN_GROUPS = frozenset(("diffie-hellman-group1-sha1", "rsa1024-sha1"))


def _listed(found: Iterable[str], severity: Severity | None = None) -> Seen | None:
    names = list(found)
    return Seen(f"Offered: {', '.join(names)}.", severity=severity) if names else None


def _weak_exchange(subject: Subject) -> Seen | None:
    ssh = subject.service.ssh
    weak = [one for one in (ssh.key_exchanges if ssh else ()) if one.endswith("-sha1") or "-sha1-" in one or one in BROKEN_GROUPS]
    return _listed(weak, None if BROKEN_GROUPS.isdisjoint(weak) else Severity.MEDIUM)


def _weak_cipher(subject: Subject) -> Seen | None:
    ssh = subject.service.ssh
    weak = [one for one in (ssh.ciphers if ssh else ()) if one.startswith(WEAK_CIPHERS) or one.endswith("-cbc") or "-cbc@" in one]
    return _listed(
        weak, Severity.HIGH if "none" in weak else Severity.MEDIUM if any(one.startswith(WEAK_CIPHERS) for one in weak) else None
    )


def _weak_mac(subject: Subject) -> Seen | None:
    ssh = subject.service.ssh
    weak = [
        one for one in (ssh.macs if ssh else ()) if one == "none" or one.startswith(("hmac-md5", "hmac-sha1", "hmac-ripemd", "umac-64"))
    ]
    broken = any(one == "none" or one.startswith("hmac-md5") for one in weak)
    return _listed(weak, Severity.MEDIUM if broken else None)


def _weak_signature(subject: Subject) -> Seen | None:
    ssh = subject.service.ssh
    weak = [one for one in (ssh.host_key_algorithms if ssh else ()) if one.startswith(("ssh-dss", "ssh-rsa"))]
    return _listed(weak, Severity.MEDIUM if any(one.startswith("ssh-dss") for one in weak) else None)


def _weak_key(subject: Subject) -> Seen | None:
    ssh = subject.service.ssh
    for one in ssh.keys if ssh else ():
        if one.bits < (EC_BITS_MIN if one.type.startswith(("ecdsa", "ssh-ed")) else RSA_BITS_MIN):
            return Seen(f"{one.type} with {one.bits} bits, {one.fingerprint}", severity=Severity.HIGH if one.bits < 1024 else None)  # noqa: PLR2004 - factored already
    return None


def _terrapin(subject: Subject) -> Seen | None:
    """Judge whether packets can be cut off the beginning of a connection unseen. Source: CVE-2023-48795."""
    ssh = subject.service.ssh
    if ssh is None or ssh.strict:
        return None
    open_to = [CHACHA] if CHACHA in ssh.ciphers else []
    if any("-cbc" in one for one in ssh.ciphers) and any("-etm@" in one for one in ssh.macs):
        open_to.append("CBC with encrypt-then-MAC")
    return Seen(f"Offers {' and '.join(open_to)} without strict key exchange.") if open_to else None


def _method(name: str) -> Callable[[Subject], Seen | None]:
    def sees(subject: Subject) -> Seen | None:
        ssh = subject.service.ssh
        return Seen(f"Ways to sign in: {', '.join(ssh.methods)}.") if ssh and ssh.methods_known and name in ssh.methods else None

    return sees


def _open(subject: Subject) -> Seen | None:
    return Seen("The request of method `none` was accepted.") if subject.service.ssh and subject.service.ssh.open else None


CHECKS = (
    Check(
        id="ssh-weak-key-exchange", title="SSH offers outdated key exchanges", severity=Severity.LOW, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="They rest on SHA-1, some on groups of 1024 bits that can be broken once for all servers.",
        remedy="Allow curve25519-sha256, sntrup761x25519-sha512, ecdh-sha2-* and diffie-hellman-group16-sha512 only (`KexAlgorithms`).",
        references=(cwe(327), rfc(9142), MOZILLA_SSH), sees=_weak_exchange,
    ),
    Check(
        id="ssh-weak-cipher", title="SSH offers outdated ciphers", severity=Severity.LOW, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="RC4, 3DES and their age are broken or too short; CBC modes of SSH give plain text away to those who can change packets.",
        remedy="Allow AES-GCM, AES-CTR and ChaCha20-Poly1305 only (`Ciphers`).", references=(cwe(327), rfc(8758), MOZILLA_SSH), sees=_weak_cipher,
    ),
    Check(
        id="ssh-weak-mac", title="SSH offers outdated message authentication", severity=Severity.LOW, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="MD5 and SHA-1 are outdated, and codes of 64 bits short.", remedy="Allow hmac-sha2-*-etm@openssh.com and umac-128-etm@openssh.com only (`MACs`).",
        references=(cwe(328), rfc(6668), MOZILLA_SSH), sees=_weak_mac,
    ),
    Check(
        id="ssh-weak-host-key-algorithm", title="SSH signs with SHA-1", severity=Severity.LOW, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="ssh-rsa and ssh-dss sign the exchange with SHA-1; DSA keys have 1024 bits.",
        remedy="Allow ssh-ed25519, rsa-sha2-256 and rsa-sha2-512 only (`HostKeyAlgorithms`) and remove DSA keys.",
        references=(cwe(328), rfc(8332), MOZILLA_SSH), sees=_weak_signature,
    ),
    Check(
        id="ssh-weak-host-key", title="An SSH host key is too short", severity=Severity.MEDIUM, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="Whoever computes the private key takes the server's place.", remedy="Make a new host key, Ed25519 or RSA of 3072 bits or more.",
        references=(cwe(326), NIST_KEYS, MOZILLA_SSH), sees=_weak_key,
    ),
    Check(
        id="ssh-terrapin", title="SSH is open to Terrapin", severity=Severity.LOW, category=Category.ENCRYPTION, needs=NEEDS, sends=SENDS,
        description="Someone in between can remove the first messages of a connection unseen, and with them protections (CVE-2023-48795).",
        remedy="Update the server (OpenSSH 9.6 or a patched package), or disable ChaCha20-Poly1305 and CBC with encrypt-then-MAC.",
        references=(cwe(354), "https://terrapin-attack.com/", "https://nvd.nist.gov/vuln/detail/CVE-2023-48795"), sees=_terrapin,
    ),
    Check(
        id="ssh-password-authentication", title="SSH accepts passwords", severity=Severity.LOW, category=Category.AUTHENTICATION, needs=NEEDS,
        sends="One request of the method `none`, to which a server answers with the ways to sign in; no password is tried.",
        description="Passwords can be guessed, and are, around the clock.", remedy="Allow keys only (`PasswordAuthentication no`, `KbdInteractiveAuthentication no`).",
        references=(cwe(307), rfc(4252), MOZILLA_SSH), sees=_method("password"),
    ),
    Check(
        id="ssh-no-authentication", title="SSH lets anyone in", severity=Severity.CRITICAL, category=Category.AUTHENTICATION, needs=NEEDS,
        sends="One request of the method `none`; the session is left at once.", description="The server accepted a sign-in without any proof.",
        remedy="Turn anonymous access off, unless the service is made for everybody and can do nothing else.", references=(cwe(306), rfc(4252)), sees=_open,
    ),
)  # fmt: skip
