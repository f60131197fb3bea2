"""A small shelf of merged advisories, written as settling writes them, from facts of real CVEs as of August 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.engine.priority import score
from watchfloor.capabilities.advisories.engine.versions import key
from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.queries.ingest import CRITERION_COLUMNS, _criterion, product_of
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.queries.settled import write
from watchfloor.capabilities.advisories.schemas.facts import Criterion
from watchfloor.capabilities.advisories.schemas.merged import Merged, Settled
from watchfloor.capabilities.advisories.schemas.words import Exploitation, Flag, Provider, Source, State, key_of

if TYPE_CHECKING:
    from watchfloor.kernel.db.session import Wire

NOW = datetime(2026, 8, 20, 12, tzinfo=UTC)
TODAY = date(2026, 8, 20)
V31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"


def day(text: str) -> datetime:
    """Return midnight of a day."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def advisory(cve: str, **told: Any) -> Merged:
    """Return a merged record with what is told of it."""
    k = told.pop("k", None) or key_of(cve)
    assert k is not None
    cvss = told.pop("cvss", None)
    scored: dict[str, Any] = (
        {"cvss_version": "3.1", "cvss_score": cvss, "cvss_vector": V31, "cvss_provider": Provider.NVD, "cvss_src": Source.NVD}
        if cvss is not None
        else {}
    )
    known: dict[str, Any] = {"k": k, "cve_id": cve, "status": "Analyzed", "modified": day("2026-08-01"), "sources": (1, 2)}
    return Merged(**known | scored | told)


ADVISORIES = (
    advisory(
        "CVE-2021-44228", title="Apache Log4j2 JNDI features do not protect against attacker controlled LDAP endpoints",
        descr="JNDI features used in configuration, log messages, and parameters do not protect against attacker controlled endpoints.",
        names="apache log4j", cvss=10.0, severity="critical", published=day("2021-12-10"), cwes=("CWE-20", "CWE-502"), kev=True, eukev=True,
        kev_added=day("2021-12-10"), kev_due=day("2021-12-24"), ransomware=True, exploitation=Exploitation.ACTIVE, automatable=True, total=True,
        weaponised=True, poc=True, epss=94_358, percentile=0.99957, criteria_sources=(1,), fix=True,
        prov={"title": ["cve-list"], "cvss": ["nvd", "cve-list"]},
    ),
    advisory(
        "CVE-2024-3094", title="Xz: malicious code in distributed source", descr="Malicious code was discovered in the upstream tarballs of xz.",
        names="tukaani xz", cvss=10.0, severity="critical", published=day("2024-03-29"), cwes=("CWE-506",), exploitation=Exploitation.POC,
        automatable=False, total=True, poc=True, epss=85_412, percentile=0.99312, criteria_sources=(1,), fix=False,
    ),
    advisory(
        "CVE-2024-6387", title="Openssh: regresshion - race condition in ssh allows rce/dos",
        descr="A security regression was discovered in OpenSSH's server (sshd). There is a race condition in signal handling.",
        names="openbsd openssh", cvss=8.1, severity="high", published=day("2024-07-01"), cwes=("CWE-362", "CWE-364"),
        exploitation=Exploitation.POC, automatable=False, total=True, poc=True, epss=44_120, percentile=0.974, criteria_sources=(1, 2), fix=True,
    ),
    advisory(
        "CVE-2018-15473", title="", descr="OpenSSH through 7.7 is prone to a user enumeration vulnerability.", names="openbsd openssh debian debian_linux",
        cvss=5.3, severity="medium", published=day("2018-08-17"), cwes=("CWE-362",), poc=True, epss=90_270, percentile=0.996, criteria_sources=(1,),
        fix=True,
    ),
    advisory(
        "CVE-2026-1001", title="Use of the_parser may overflow", descr="A buffer overflow in the parser of a web server.", names="acme http_server",
        cvss=7.1, severity="high", published=NOW - timedelta(days=5), cwes=("CWE-787",), epss=42, percentile=0.1, exploitation=Exploitation.NONE,
        automatable=True, total=False, criteria_sources=(2,), status="Awaiting Analysis", flags=Flag.DISPUTED,
    ),
    advisory(
        "CVE-2026-1002", title="Buffers overflowed", descr="Overflowing buffers again.", names="", severity="unknown",
        published=NOW - timedelta(days=40), status="Deferred", eukev=True, kev_added=NOW - timedelta(days=3),
    ),
    advisory(
        "CVE-2023-9999", title="Withdrawn", descr="** REJECT ** Do not use this candidate number.", names="", severity="unknown",
        state=State.REJECTED, status="Rejected", published=day("2023-10-01"),
    ),
    advisory(
        "EUVD-2025-77", k=-20250000000077, title="Entry of ENISA alone", descr="A flaw without a CVE.", names="acme gateway", severity="unknown",
        exploited_eu=True, sources=(5,), status="",
    ),
)  # fmt: skip
# Versions are affected from the first up to, without, the second; None is open.
CRITERIA: tuple[tuple[str, int, str, str, str, str | None, str | None, dict[str, str]], ...] = (
    ("CVE-2021-44228", 1, "a", "apache", "log4j", "2.0", "2.15.0", {}),
    ("CVE-2024-3094", 1, "a", "tukaani", "xz", "5.6.0", "5.6.2", {}),
    ("CVE-2024-6387", 1, "a", "openbsd", "openssh", "8.6", "9.8", {}),
    ("CVE-2024-6387", 2, "a", "openbsd", "openssh", "8.6", "9.8", {}),
    ("CVE-2018-15473", 1, "a", "openbsd", "openssh", None, "7.8", {}),
    ("CVE-2018-15473", 1, "o", "debian", "debian_linux", None, None, {}),
    ("CVE-2026-1001", 2, "a", "acme", "http_server", "1.0", "2.0", {}),
)
CURVE = {0: 0.0, 42: 0.1, 44_120: 0.974, 85_412: 0.99312, 90_270: 0.996, 94_358: 0.99957}


def fill(wire: Wire) -> None:
    """Write the shelf; as the role that may."""
    write(wire, [Settled(merged=one, priority=score(one, TODAY)) for one in ADVISORIES], [], scored_on=TODAY)
    criteria = [_affected(*one) for one in CRITERIA]
    numbers = Products().number(wire, {product_of(one) for one in criteria})
    rows.copy(wire, "adv_criterion", CRITERION_COLUMNS, [_criterion(one, numbers[product_of(one)]) for one in criteria])
    wire.execute("update adv_product p set cves = (select count(distinct k) from adv_criterion c where c.product_id = p.id)")
    for one in ADVISORIES:
        if one.epss is not None:
            wire.execute("insert into adv_epss (k, p, lev_log, lev_date) values (%s, %s, -0.1, '2026-08-01')", (one.k, one.epss))
        for held, catalog in ((one.kev, 1), (one.eukev, 2)):
            if held:
                wire.execute(
                    "insert into adv_kev (k, catalog, added, due, ransomware, action, name, extra) values (%s, %s, %s, %s, %s, 'Apply updates.', 'n', '{}')",
                    (one.k, catalog, one.kev_added, one.kev_due, one.ransomware),
                )
    with wire.cursor() as cursor:
        cursor.executemany("insert into adv_epss_curve values ('2026-08-20', %s, %s)", list(CURVE.items()))
    wire.execute("insert into adv_alias values ('GHSA-jfh8-c2jp-5v3q', %s, 2)", (key_of("CVE-2021-44228"),))


def _affected(
    cve: str, src: int, part: str, vendor: str, product: str, low: str | None, high: str | None, attributes: dict[str, str]
) -> Criterion:
    k = key_of(cve)
    assert k is not None
    bounds = [one for one in (f">= {low}" if low else "", f"< {high}" if high else "") if one]
    return Criterion(
        k=k, src=Source(src), cfg=src, part=part, vendor=vendor, product=product, kind="r" if bounds else "*", lo=key(low) if low else None,
        hi=key(high) if high else None, attributes=attributes, text=", ".join(bounds), fix=high or "",
    )  # fmt: skip
