"""Names and strengths of TLS cipher suites. Pure.

Source: the IANA registry of TLS parameters; suites that need a pre-shared key or SRP are left out, because a stranger cannot use them.
"""

from __future__ import annotations

from enum import StrEnum


class Strength(StrEnum):
    """How good a suite is, worst first: readable or forgeable; outdated; sound but old; what is recommended."""

    INSECURE = "insecure"
    WEAK = "weak"
    ACCEPTABLE = "acceptable"
    STRONG = "strong"


# First number, key exchanges, ciphers: each exchange has its ciphers in a row, then the next exchange follows.
_ROWS: tuple[tuple[int, str, str], ...] = (
    (0x0001, "RSA", "NULL_MD5 NULL_SHA"),
    (0x0003, "RSA_EXPORT", "RC4_40_MD5"),
    (0x0004, "RSA", "RC4_128_MD5 RC4_128_SHA"),
    (0x0006, "RSA_EXPORT", "RC2_CBC_40_MD5"),
    (0x0007, "RSA", "IDEA_CBC_SHA"),
    (0x0008, "RSA_EXPORT", "DES40_CBC_SHA"),
    (0x0009, "RSA", "DES_CBC_SHA 3DES_EDE_CBC_SHA"),
    (0x000B, "DH_DSS_EXPORT", "DES40_CBC_SHA"),
    (0x000C, "DH_DSS", "DES_CBC_SHA 3DES_EDE_CBC_SHA"),
    (0x000E, "DH_RSA_EXPORT", "DES40_CBC_SHA"),
    (0x000F, "DH_RSA", "DES_CBC_SHA 3DES_EDE_CBC_SHA"),
    (0x0011, "DHE_DSS_EXPORT", "DES40_CBC_SHA"),
    (0x0012, "DHE_DSS", "DES_CBC_SHA 3DES_EDE_CBC_SHA"),
    (0x0014, "DHE_RSA_EXPORT", "DES40_CBC_SHA"),
    (0x0015, "DHE_RSA", "DES_CBC_SHA 3DES_EDE_CBC_SHA"),
    (0x0017, "DH_anon_EXPORT", "RC4_40_MD5"),
    (0x0018, "DH_anon", "RC4_128_MD5"),
    (0x0019, "DH_anon_EXPORT", "DES40_CBC_SHA"),
    (0x001A, "DH_anon", "DES_CBC_SHA 3DES_EDE_CBC_SHA"),
    (0x002F, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "AES_128_CBC_SHA"),
    (0x0035, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "AES_256_CBC_SHA"),
    (0x003B, "RSA", "NULL_SHA256 AES_128_CBC_SHA256 AES_256_CBC_SHA256"),
    (0x003E, "DH_DSS DH_RSA DHE_DSS", "AES_128_CBC_SHA256"),
    (0x0041, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "CAMELLIA_128_CBC_SHA"),
    (0x0062, "RSA_EXPORT1024 DHE_DSS_EXPORT1024", "DES_CBC_SHA"),
    (0x0064, "RSA_EXPORT1024 DHE_DSS_EXPORT1024", "RC4_56_SHA"),
    (0x0066, "DHE_DSS", "RC4_128_SHA"),
    (0x0067, "DHE_RSA", "AES_128_CBC_SHA256"),
    (0x0068, "DH_DSS DH_RSA DHE_DSS DHE_RSA", "AES_256_CBC_SHA256"),
    (0x006C, "DH_anon", "AES_128_CBC_SHA256 AES_256_CBC_SHA256"),
    (0x0084, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "CAMELLIA_256_CBC_SHA"),
    (0x0096, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "SEED_CBC_SHA"),
    (0x009C, "RSA DHE_RSA DH_RSA DHE_DSS DH_DSS DH_anon", "AES_128_GCM_SHA256 AES_256_GCM_SHA384"),
    (0x00BA, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "CAMELLIA_128_CBC_SHA256"),
    (0x00C0, "RSA DH_DSS DH_RSA DHE_DSS DHE_RSA DH_anon", "CAMELLIA_256_CBC_SHA256"),
    (
        0xC001,
        "ECDH_ECDSA ECDHE_ECDSA ECDH_RSA ECDHE_RSA ECDH_anon",
        "NULL_SHA RC4_128_SHA 3DES_EDE_CBC_SHA AES_128_CBC_SHA AES_256_CBC_SHA",
    ),
    (0xC023, "ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA", "AES_128_CBC_SHA256 AES_256_CBC_SHA384"),
    (0xC02B, "ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA", "AES_128_GCM_SHA256 AES_256_GCM_SHA384"),
    (
        0xC050,
        "RSA DHE_RSA DH_RSA DHE_DSS DH_DSS DH_anon ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA",
        "ARIA_128_GCM_SHA256 ARIA_256_GCM_SHA384",
    ),
    (0xC072, "ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA", "CAMELLIA_128_CBC_SHA256 CAMELLIA_256_CBC_SHA384"),
    (
        0xC07A,
        "RSA DHE_RSA DH_RSA DHE_DSS DH_DSS DH_anon ECDHE_ECDSA ECDH_ECDSA ECDHE_RSA ECDH_RSA",
        "CAMELLIA_128_GCM_SHA256 CAMELLIA_256_GCM_SHA384",
    ),
    (0xC09C, "RSA DHE_RSA", "AES_128_CCM AES_256_CCM"),
    (0xC0A0, "RSA DHE_RSA", "AES_128_CCM_8 AES_256_CCM_8"),
    (0xC0AC, "ECDHE_ECDSA", "AES_128_CCM AES_256_CCM AES_128_CCM_8 AES_256_CCM_8"),
    (0xCC13, "ECDHE_RSA ECDHE_ECDSA DHE_RSA", "CHACHA20_POLY1305_DRAFT_SHA256"),
    (0xCCA8, "ECDHE_RSA ECDHE_ECDSA DHE_RSA", "CHACHA20_POLY1305_SHA256"),
)
_MODERN = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256", "AES_128_CCM_SHA256", "AES_128_CCM_8_SHA256")


def _names() -> dict[int, str]:
    found = {0x1301 + at: f"TLS_{cipher}" for at, cipher in enumerate(_MODERN)} | {0x00C6: "TLS_SM4_GCM_SM3", 0x00C7: "TLS_SM4_CCM_SM3"}
    for first, exchanges, ciphers in _ROWS:
        pairs = [(exchange, cipher) for exchange in exchanges.split() for cipher in ciphers.split()]
        found |= {first + at: f"TLS_{exchange}_WITH_{cipher}" for at, (exchange, cipher) in enumerate(pairs)}
    return found


NAMES = _names()


def name_of(number: int) -> str:
    """Return a suite's IANA name, or its number in hexadecimal when it has none."""
    return NAMES.get(number, f"0x{number:04X}")


def forward_secret(name: str) -> bool:
    """Tell whether recorded traffic stays secret when the server's key is stolen later."""
    return "_WITH_" not in name or name.startswith(("TLS_ECDHE_", "TLS_DHE_", "TLS_ECDH_anon_", "TLS_DH_anon_"))


def strength(name: str) -> Strength:
    """Return how good a suite is.

    Insecure: no encryption, nobody authenticated, export, RC2, RC4, DES, MD5. Weak: 64-bit blocks (3DES, IDEA) or no forward secrecy.
    Acceptable: CBC. Strong: the rest. Sources: RFC 9325, RFC 7465, NIST SP 800-52 r2.
    """
    parts = name.split("_")
    if {"NULL", "anon", "EXPORT", "EXPORT1024", "RC2", "RC4", "DES", "DES40", "MD5"} & set(parts):
        return Strength.INSECURE
    if {"3DES", "IDEA"} & set(parts) or name.startswith("0x") or not forward_secret(name):
        return Strength.WEAK
    return Strength.ACCEPTABLE if "CBC" in parts else Strength.STRONG
