"""A snapshot like a real one, of any size, from a fixed seed; also what a hostile scan would give."""

from __future__ import annotations

import io
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from watchfloor.capabilities.reports.engine.spool import Spool, Spooling
from watchfloor.capabilities.reports.schemas.snapshot import Chart, ColumnHead, Figure, Head, Point, SectionHead, Series, TableHead
from watchfloor.capabilities.reports.schemas.words import Redaction
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.sections import Scope, Sort

if TYPE_CHECKING:
    from collections.abc import Sequence

AS_OF = datetime(2026, 6, 1, 12, 30, tzinfo=UTC)
SCAN = UUID("01910000-0000-7000-8000-000000000001")
ORG = UUID("01910000-0000-7000-8000-0000000000aa")
CHECKS = (
    (
        "tls-old",
        "TLS 1.0 is still accepted",
        "TLS 1.0 has known weaknesses and no place on a server of today.",
        "Switch TLS 1.0 and 1.1 off.",
    ),
    ("ssh-weak-kex", "Weak key exchange offered", "The server offers diffie-hellman-group1-sha1.", "Remove it from KexAlgorithms."),
    (
        "http-no-hsts",
        "Browsers are not told to insist on HTTPS",
        "No Strict-Transport-Security header.",
        "Send the header with a year's max-age.",
    ),
    (
        "vnc-open",
        "A desktop without a password",
        "VNC answered with security type None.",
        "Ask for a password and close the port to the outside.",
    ),
)


def row(n: int, rng: random.Random, text: str | None = None) -> dict[str, Any]:
    """Return finding number `n`; with `text`, it stands wherever text can."""
    check, title, description, remedy = CHECKS[n % len(CHECKS)]
    cve = f"CVE-2026-{10_000 + n}" if n % 3 == 0 else ""
    severity = list(Severity)[rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4))]
    state = "open" if n % 7 else rng.choice(("accepted", "false_positive", "fixed"))
    seen = AS_OF - timedelta(days=rng.randrange(400), seconds=rng.randrange(86_400))
    return {
        "fingerprint": f"{n:08x}{rng.getrandbits(96):024x}", "severity": str(severity), "priority": round(rng.random() * 100, 1) if cve else None,
        "title": text or f"{cve} in Example Server {n % 9}.{n % 4}: {title}".removeprefix(" in ") if cve else text or title,
        "target": text or f"192.0.2.{n % 254 + 1}", "port": rng.choice((22, 80, 443, 5900, 8443)), "protocol": text or "tcp", "state": state, "change": None,
        "cve": [cve] if cve else [], "check": cve or check, "capability": "advisories" if cve else "scans", "description": text or description,
        "evidence": text or f"HTTP/1.1 200 OK\nServer: example/{n % 9}.{n % 4}\nX-Request: {n}", "remedy": text or remedy,
        "references": [text or f"https://example.org/checks/{check}"], "reason": text or ("" if state == "open" else "Looked at, and judged."),
        "accepted_until": (AS_OF + timedelta(days=90)).isoformat() if state == "accepted" else None, "kev": n % 50 == 0 if cve else None,
        "fixed_in": text or "9.9" if cve else None, "product": text or "example server" if cve else None, "version": text or f"{n % 9}.{n % 4}" if cve else None,
        "cpe": f"cpe:2.3:a:example:server:{n % 9}.{n % 4}:*:*:*:*:*:*:*" if cve else None, "first_seen": seen.isoformat(), "last_seen": AS_OF.isoformat(),
        "fixed_at": AS_OF.isoformat() if state == "fixed" else None,
    }  # fmt: skip


def findings(count: int, text: str | None = None, texts: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return findings in the order of a snapshot: gravest first; each of `texts` stands in one of them."""
    rng = random.Random(7)  # noqa: S311 - a model, not a secret
    made = [row(n, rng, texts[n] if n < len(texts) else text) for n in range(count)]
    return sorted(made, key=lambda one: (-Severity(one["severity"]).rank, -(one["priority"] or 0), one["fingerprint"]))


def snapshot(
    count: int = 40,
    *,
    text: str | None = None,
    texts: Sequence[str] = (),
    services: int = 30,
    tables: int = 0,
    redaction: Redaction = Redaction.INTERNAL,
    scope: Scope | None = None,
    **head: Any,
) -> io.BytesIO:
    """Return a whole snapshot of one scan; `text` stands wherever text from outside can. Besides services there are so many `tables` of two rows."""
    text = text.encode("utf-8", "backslashreplace").decode() if text else text  # no database gives half a character
    rows, counted = io.BytesIO(), dict[str, dict[str, int]]()
    spooling = Spooling(rows)
    for one in findings(count, text, texts):
        spooling.add("findings", one)
        states = counted.setdefault(one["state"], {})
        states[one["severity"]] = states.get(one["severity"], 0) + 1
    for n in range(services):
        spooling.add(
            "scans.services",
            {"address": text or f"192.0.2.{n + 1}", "port": 443, "service": text or "https", "product": text or "nginx", "version": text or "1.28.0", "tls": n % 2 == 0},
        )  # fmt: skip
    for n in range(tables):
        for address in ("192.0.2.1", "192.0.2.2"):
            spooling.add(f"scans.more-{n}", {"address": address, "port": 8443, "service": f"table {n}"})
    made = Head(
        scope=scope or Scope(kind="scan", scan=SCAN), as_of=AS_OF, org=text or "Example Ltd", org_id=ORG, title=text or "Exposed services of Example Ltd",
        subject=text or "192.0.2.0/24", redaction=redaction, rows=count + services + 2 * tables, findings=counted,
        sections=(_section(text, count, services, tables),), **head,
    )  # fmt: skip
    out = io.BytesIO()
    spooling.close(made, out)
    out.seek(0)
    return out


def spool(count: int = 40, **options: Any) -> Spool:
    """Return an opened snapshot."""
    return Spool(snapshot(count, **options))


def _section(text: str | None, count: int, services: int, tables: int) -> SectionHead:
    columns = (
        ColumnHead(name="address", title="Address", sort=Sort.CODE), ColumnHead(name="port", title="Port", sort=Sort.NUMBER),
        ColumnHead(name="service", title="Service"), ColumnHead(name="product", title="Product"), ColumnHead(name="version", title="Version"),
        ColumnHead(name="tls", title="TLS", sort=Sort.FLAG),
    )  # fmt: skip
    charts = (
        Chart(kind="bars", title=text or "Services found most", unit="ports", series=(
            Series(label=text or "ports", points=tuple(Point(label=text or name, value=value) for name, value in (("https", 18), ("ssh", 9), ("vnc", 3)))),)),
        Chart(kind="trend", title=text or "Open findings", unit="findings", series=tuple(
            Series(label=severity, points=tuple(Point(label=f"2026-{month:02d}-01", value=(month * factor) % 17, tone=severity) for month in range(1, 7)))
            for severity, factor in (("critical", 3), ("high", 5), ("medium", 7)))),
    )  # fmt: skip
    return SectionHead(
        name="scans", title=text or "Exposed services", order=20, summary=text or "Targets: 192.0.2.0/24. Ports: 1-1000.",
        figures=(Figure(label=text or "Addresses looked at", value=254, note=text or ""), Figure(label="Findings", value=count)), charts=charts,
        tables=(
            TableHead(key="scans.services", title=text or "Open ports", columns=columns, rows=services),
            *(TableHead(key=f"scans.more-{n}", title=f"Table {n}", columns=columns[:3], rows=2) for n in range(tables)),
        ), notes=(text or "Names were asked of the system's resolver.",),
        not_looked_at=(text or "192.0.2.7 was excluded.",), method=(text or "Every port was asked for a TCP connection.",),
    )  # fmt: skip
