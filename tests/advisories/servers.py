"""Sources on loopback: NVD's feeds and API, the CVE List, the catalogs, EUVD and EPSS, each answering from records that a test may change."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.fetch.servers import Answer, Asked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW = datetime(2026, 8, 20, 12, 0, tzinfo=UTC)
NOTHING = Answer(status=404, body=b"Not Found")


def nvd_record(name: str, modified: datetime, text: str = "A flaw.") -> dict[str, Any]:
    """Return a record as NVD writes it, with what a record must have."""
    written = modified.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000")
    return {
        "id": name, "sourceIdentifier": "cve@mitre.org", "published": written, "lastModified": written, "vulnStatus": "Analyzed",
        "cveTags": [], "descriptions": [{"lang": "en", "value": text}], "metrics": {}, "references": [],
    }  # fmt: skip


def cve_record(name: str, updated: datetime, text: str = "A flaw.") -> dict[str, Any]:
    """Return a record as the CVE Program writes it."""
    written = updated.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    return {
        "dataType": "CVE_RECORD", "dataVersion": "5.1",
        "cveMetadata": {"cveId": name, "state": "PUBLISHED", "assignerShortName": "mitre", "datePublished": written, "dateUpdated": written},
        "containers": {"cna": {"title": text, "descriptions": [{"lang": "en", "value": text}], "affected": []}},
    }  # fmt: skip


def json_of(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()


def date_of(record: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(record["lastModified"]).replace(tzinfo=UTC)


@dataclass
class Nvd:
    """Feeds below /feeds/ and the API at /rest/json/cves/2.0, over the same records. `stale_meta` counts declarations of a file before."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    now: datetime = NOW
    page: int = 2000
    stale_meta: int = 0
    absent: set[str] = field(default_factory=set)
    totals: list[int] = field(default_factory=list)
    whole: dict[str, bytes] = field(default_factory=dict)

    def add(self, *records: dict[str, Any]) -> None:
        self.records |= {record["id"]: record for record in records}

    def feed(self, name: str) -> bytes:
        """Return a feed's JSON."""
        if name in self.whole:
            return self.whole[name]
        found = [record for record in self.records.values() if self._is_in(record, name)]
        return json_of({
            "resultsPerPage": len(found), "startIndex": 0, "totalResults": len(found), "format": "NVD_CVE", "version": "2.0",
            "timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S.000"), "vulnerabilities": [{"cve": record} for record in found],
        })  # fmt: skip

    def _is_in(self, record: Mapping[str, Any], name: str) -> bool:
        if name == "modified":
            return date_of(record) > self.now - timedelta(days=8)
        return max(int(record["id"].split("-")[1]), 2002) == int(name)

    def meta(self, name: str) -> bytes:
        found = self.feed(name)
        if self.stale_meta:
            self.stale_meta -= 1
            found += b" "
        packed = gzip.compress(found, mtime=0)
        lines = (
            "lastModifiedDate:2026-08-20T08:00:00-04:00", f"size:{len(found)}", f"zipSize:{len(packed)}", f"gzSize:{len(packed)}",
            f"sha256:{hashlib.sha256(found).hexdigest().upper()}",
        )  # fmt: skip
        return "".join(f"{line}\r\n" for line in lines).encode()

    def sha256(self, name: str) -> str:
        return hashlib.sha256(self.feed(name)).hexdigest()

    def answer(self, asked: Asked) -> Answer:
        if found := re.fullmatch(r"/feeds/nvdcve-2\.0-(\w+)\.(meta|json\.gz)", asked.path):
            if found[1] in self.absent:
                return NOTHING
            return Answer(body=self.meta(found[1]) if found[2] == "meta" else gzip.compress(self.feed(found[1]), mtime=0))
        return self._api(asked) if asked.path.startswith("/rest/json/cves/2.0?") else NOTHING

    def _api(self, asked: Asked) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        # As NVD: a plus that is not escaped is a blank, and a time without its zone is none.
        start, end = (datetime.fromisoformat(query[f"lastMod{name}Date"]) for name in ("Start", "End"))
        if end - start > timedelta(days=120):
            return Answer(status=404, headers={"message": "Date range cannot exceed 120 consecutive days."})
        found = [record for record in self.records.values() if start <= date_of(record) <= end]
        at, size = int(query["startIndex"]), min(self.page, int(query["resultsPerPage"]))
        page = found[at : at + size]
        total = self.totals.pop(0) if self.totals else len(found)
        body = {
            "resultsPerPage": len(page), "startIndex": at, "totalResults": total, "format": "NVD_CVE", "version": "2.0",
            "timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S.000"), "vulnerabilities": [{"cve": record} for record in page],
        }  # fmt: skip
        return Answer(body=json.dumps(body).encode())


@dataclass
class CveProgram:
    """The list of releases at /releases, their files below /assets/, the log and the records below /cves/."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    assets: dict[str, bytes] = field(default_factory=dict)
    declare: dict[str, dict[str, Any]] = field(default_factory=dict)

    def change(self, at: datetime, *records: dict[str, Any]) -> None:
        """Publish records and write them into the log, newest first."""
        items = []
        for record in records:
            name = record["cveMetadata"]["cveId"]
            self.records[name] = record
            link = f"https://raw.githubusercontent.com/CVEProject/cvelistV5/main/cves/{place_of(name)}"
            items.append({"cveId": name, "githubLink": link, "dateUpdated": record["cveMetadata"]["dateUpdated"]})
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        self.log.insert(0, {"fetchTime": stamp, "numberOfChanges": len(items), "new": items[:1], "updated": items[1:], "error": []})

    def release(self, name: str, records: Iterable[dict[str, Any]], *, nested: bool = False) -> None:
        """Put an archive of records on the shelf."""
        inner = archive({f"cves/{place_of(record['cveMetadata']['cveId'])}": json_of(record) for record in records})
        self.assets[name] = archive({"cves.zip": inner}) if nested else inner

    def answer(self, asked: Asked) -> Answer:
        path = unquote(urlsplit(asked.path).path)
        if path == "/releases":
            releases = [
                {
                    "tag_name": f"cve_{number}",
                    "assets": [{"name": name, "browser_download_url": f"/assets/{name}", "size": len(body), **self.declare.get(name, {})}],
                }
                for number, (name, body) in enumerate(self.assets.items())
            ]
            return Answer(body=json_of(releases))
        if path == "/cves/deltaLog.json":
            body = json_of(self.log)
            etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
            known = asked.headers.get("if-none-match") == etag
            return Answer(status=304, headers={"ETag": etag}) if known else Answer(body=body, headers={"ETag": etag})
        if path.startswith("/assets/") and (found := self.assets.get(path.removeprefix("/assets/"))) is not None:
            return Answer(body=found)
        name = path.rpartition("/")[2].removesuffix(".json")
        return Answer(body=json_of(self.records[name])) if path == f"/cves/{place_of(name)}" and name in self.records else NOTHING


def place_of(name: str) -> str:
    parts = name.split("-")
    return f"{parts[1]}/{parts[2][:-3]}xxx/{name}.json" if len(parts) == 3 else ""


def archive(files: Mapping[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in files.items():
            packed.writestr(name, body)
    return held.getvalue()


def euvd_moment(at: datetime) -> str:
    hour = at.hour % 12 or 12
    return f"{at:%b} {at.day}, {at.year}, {hour}:{at:%M}:{at:%S} {'AM' if at.hour < 12 else 'PM'}"


def euvd_record(number: str, cve: str, updated: datetime, **members: Any) -> dict[str, Any]:
    """Return a record as EUVD writes it."""
    return {
        "id": f"EUVD-{number}", "aliases": f"{cve}\n", "description": "A flaw.", "datePublished": euvd_moment(updated),
        "dateUpdated": euvd_moment(updated), "baseScore": 7.5, "epss": 12.5, "enisaIdProduct": [], "enisaIdVendor": [], **members,
    }  # fmt: skip


@dataclass
class Euvd:
    """Search and mapping below /api/. `size` is what a page is clamped to; `totals` are told instead of the right one."""

    records: list[dict[str, Any]] = field(default_factory=list)
    size: int = 100
    totals: list[int] = field(default_factory=list)

    def answer(self, asked: Asked) -> Answer:
        if asked.headers.get("user-agent", "").startswith(("python", "httpcore")):
            return Answer(status=403)
        parts = urlsplit(asked.path)
        if parts.path == "/api/dump/cve-euvd-mapping":
            rows = [f"{one['id']},{one['aliases'].strip()}" for one in self.records]
            return Answer(body="\n".join(["euvd_id,cve_id", *rows, ""]).encode())
        if parts.path != "/api/search":
            return Answer(status=204)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        found = [one for one in self.records if self._asked_for(one, query)]
        at = int(query["page"]) * self.size
        total = self.totals.pop(0) if self.totals else len(found)
        return Answer(body=json_of({"items": found[at : at + self.size], "total": total}))

    def _asked_for(self, record: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        if query.get("exploited") == "true":
            return "exploitedSince" in record
        day = datetime.strptime(record["dateUpdated"], "%b %d, %Y, %I:%M:%S %p").replace(tzinfo=UTC).date()
        return query["fromUpdatedDate"] <= day.isoformat() <= query["toUpdatedDate"]


def kev_catalog(names: Iterable[str], released: datetime = NOW, count: int | None = None) -> bytes:
    """Return CISA's catalog with an entry for each CVE."""
    entries = [
        {
            "cveID": name, "vendorProject": "Example", "product": "Product", "vulnerabilityName": f"{name} in Product",
            "dateAdded": "2026-08-01", "shortDescription": "A flaw.", "requiredAction": "Apply updates.", "dueDate": "2026-08-22",
            "knownRansomwareCampaignUse": "Unknown", "notes": "", "cwes": ["CWE-79"],
        }
        for name in names
    ]  # fmt: skip
    return json_of({
        "title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": released.strftime("%Y.%m.%d"),
        "dateReleased": released.strftime("%Y-%m-%dT%H:%M:%S.0000Z"), "count": len(entries) if count is None else count,
        "vulnerabilities": entries,
    })  # fmt: skip


def eu_kev_catalog(names: Iterable[str]) -> bytes:
    """Return the EU's catalog with an entry for each CVE."""
    return json_of([
        {"cveID": name, "euvdID": f"EUVD-2026-{number}", "vendorProject": "Example", "product": "Product", "dateReported": "2026/08/10",
         "patchedSince": "tbc", "originSource": "ENISA", "shortDescription": "A flaw.", "exploitationType": "unknown", "cwes": "CWE-79"}
        for number, name in enumerate(names, 1)
    ])  # fmt: skip


def epss_file(scores: Mapping[str, tuple[float, float]], day: str = "2026-08-20") -> bytes:
    """Return a day's scores, packed."""
    rows = [f"{name},{p:.5f},{percentile:.5f}" for name, (p, percentile) in scores.items()]
    text = "\n".join([f"#model_version:v2026.06.15,score_date:{day}T00:00:00Z", "cve,epss,percentile", *rows, ""])
    return gzip.compress(text.encode(), mtime=0)
