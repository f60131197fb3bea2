"""The columns of the table of findings, the same in every report."""

from __future__ import annotations

from watchfloor.capabilities.reports.schemas.snapshot import FINDINGS, ColumnHead, TableHead
from watchfloor.kernel.sections import Column, Redact, Sort

# `key` names a finding in one organisation; `fingerprint` is its hash: fit to be shown to others, the same in every report.
COLUMNS = (
    Column(name="fingerprint", title="Fingerprint", sort=Sort.CODE),
    Column(name="severity", title="Severity", sort=Sort.SEVERITY),
    Column(name="priority", title="Priority", sort=Sort.NUMBER),
    Column(name="title", title="Finding"),
    Column(name="target", title="Asset", sort=Sort.CODE, redact=Redact.ASSET),
    Column(name="port", title="Port", sort=Sort.NUMBER),
    Column(name="protocol", title="Protocol"),
    Column(name="state", title="State"),
    Column(name="change", title="Change"),
    Column(name="cve", title="CVE", sort=Sort.LIST),
    Column(name="check", title="Check", sort=Sort.CODE),
    Column(name="capability", title="Found by"),
    Column(name="description", title="Description", sort=Sort.PROSE),
    Column(name="evidence", title="Evidence", sort=Sort.CODE, redact=Redact.EVIDENCE),
    Column(name="remedy", title="Remedy", sort=Sort.PROSE),
    Column(name="references", title="References", sort=Sort.LIST),
    Column(name="reason", title="Reason", sort=Sort.PROSE, redact=Redact.PERSON),
    Column(name="accepted_until", title="Accepted until", sort=Sort.MOMENT),
    Column(name="kev", title="Known exploited", sort=Sort.FLAG),
    Column(name="fixed_in", title="Fixed in"),
    Column(name="product", title="Product"),
    Column(name="version", title="Version"),
    Column(name="cpe", title="CPE", sort=Sort.CODE),
    Column(name="first_seen", title="First seen", sort=Sort.MOMENT),
    Column(name="last_seen", title="Last seen", sort=Sort.MOMENT),
    Column(name="fixed_at", title="Fixed at", sort=Sort.MOMENT),
)


def findings_head(rows: int) -> TableHead:
    """Return the head of the table of findings."""
    columns = tuple(ColumnHead(name=one.name, title=one.title, sort=one.sort, unit=one.unit) for one in COLUMNS)
    return TableHead(
        key=FINDINGS, title="Findings", columns=columns, rows=rows, empty="No findings. This speaks only for what was looked at."
    )
