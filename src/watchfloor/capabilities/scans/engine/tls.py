"""Turn the audit of a port's TLS into facts: versions, suites by name, forward secrecy, the chain. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine import certificate
from watchfloor.capabilities.scans.engine.suites import Strength, forward_secret, name_of, strength
from watchfloor.capabilities.scans.schemas import TlsFacts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from watchfloor.capabilities.scans.schemas import PortAnswer


def facts(answer: PortAnswer) -> TlsFacts | None:
    """Return what is known of a port's TLS, or None when it was not audited or speaks none."""
    audit = answer.tls
    if audit is None or not audit.versions:
        return None
    suites = {one.version: tuple(name_of(number) for number in one.suites) for one in audit.suites}
    read = (certificate.read(der) for der in audit.chain)
    return TlsFacts(
        versions=audit.versions,
        refused=audit.refused,
        suites=suites,
        complete=all(one.complete for one in audit.suites),
        forward_secrecy=_forward_secrecy(name for names in suites.values() for name in names),
        weakest=min((strength(name) for names in suites.values() for name in names), key=list(Strength).index, default=""),
        chain=tuple(one for one in read if one is not None),
        dh_bits=audit.dh_bits,
        compression=audit.compression,
        secure_renegotiation=audit.secure_renegotiation,
        starttls=answer.starttls,
    )


def _forward_secrecy(names: Iterable[str]) -> str:
    found = {forward_secret(name) for name in names}
    return {frozenset((True,)): "always", frozenset((False,)): "never", frozenset((True, False)): "sometimes"}.get(
        frozenset(found), "unknown"
    )
