"""Feeds of our own making, as large as a test needs them, in the formats of the sources."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

BEGUN = datetime(2015, 1, 1, tzinfo=UTC)


def nvd_record(
    number: int, *, year: int = 2015, product: str = "gadget", text: str = "", score: float = 7.5, modified: int = 0
) -> dict[str, Any]:
    """Return one record; `modified` is how many days after its publication it was changed."""
    published = BEGUN + timedelta(hours=number)
    changed = published + timedelta(days=modified)
    return {
        "cve": {
            "id": f"CVE-{year}-{number:04d}", "sourceIdentifier": "cve@mitre.org", "published": stamp(published), "lastModified": stamp(changed),
            "vulnStatus": "Analyzed", "cveTags": [],
            "descriptions": [{"lang": "en", "value": text or f"A flaw in {product} {number} lets remote attackers read memory."}],
            "metrics": {
                "cvssMetricV31": [
                    {
                        "source": "nvd@nist.gov", "type": "Primary",
                        "cvssData": {
                            "version": "3.1", "vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", "baseScore": score,
                            "baseSeverity": "HIGH",
                        },
                    }
                ]
            },
            "weaknesses": [{"source": "nvd@nist.gov", "type": "Primary", "description": [{"lang": "en", "value": "CWE-125"}]}],
            "configurations": [
                {
                    "nodes": [
                        {
                            "operator": "OR", "negate": False,
                            "cpeMatch": [
                                {
                                    "vulnerable": True, "criteria": f"cpe:2.3:a:acme:{product}:*:*:*:*:*:*:*:*",
                                    "versionStartIncluding": "1.0", "versionEndExcluding": f"1.{number % 50 + 1}",
                                    "matchCriteriaId": "00000000-0000-0000-0000-000000000000",
                                }
                            ],
                        }
                    ]
                }
            ],
            "references": [{"url": f"https://example.org/{number}", "source": "cve@mitre.org", "tags": ["Patch"]}],
        }
    }  # fmt: skip


def stamp(moment: datetime) -> str:
    """Return a time as NVD writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000")


def nvd_feed(records: Iterable[dict[str, Any]], *, at: datetime = datetime(2026, 8, 1, tzinfo=UTC)) -> bytes:
    """Return a feed."""
    held = list(records)
    head = {
        "resultsPerPage": len(held),
        "startIndex": 0,
        "totalResults": len(held),
        "format": "NVD_CVE",
        "version": "2.0",
        "timestamp": stamp(at),
    }
    return json.dumps(head | {"vulnerabilities": held}, separators=(",", ":")).encode()


def write_feed(folder: Path, name: str, records: Iterable[dict[str, Any]], *, at: datetime = datetime(2026, 8, 1, tzinfo=UTC)) -> Path:
    """Write a compressed feed."""
    path = folder / f"nvdcve-2.0-{name}.json.gz"
    path.write_bytes(gzip.compress(nvd_feed(records, at=at), mtime=0))
    return path


def kev_catalog(ids: Iterable[str], *, ransomware: Iterable[str] = (), version: str = "2026.08.01") -> bytes:
    """Return CISA's catalog with these CVEs."""
    held, known = list(ids), set(ransomware)
    entries = [
        {
            "cveID": one, "vendorProject": "Acme", "product": "Gadget", "vulnerabilityName": f"Acme Gadget {one}", "dateAdded": "2026-07-01",
            "shortDescription": "Acme Gadget lets attackers in.", "requiredAction": "Apply the vendor's update.", "dueDate": "2026-07-22",
            "knownRansomwareCampaignUse": "Known" if one in known else "Unknown", "notes": "", "cwes": ["CWE-125"],
        }
        for one in held
    ]  # fmt: skip
    head = {
        "title": "CISA Catalog of Known Exploited Vulnerabilities",
        "catalogVersion": version,
        "dateReleased": "2026-08-01T00:00:00.0Z",
        "count": len(held),
    }
    return json.dumps(head | {"vulnerabilities": entries}).encode()
