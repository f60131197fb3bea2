"""Checks for products whose makers have stopped fixing them. Pure; the table is dated facts with their sources."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from watchfloor.capabilities.scans.engine.judge.check import Category, Check, Seen, Subject, cwe
from watchfloor.kernel.contract import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

# As of 2026-11; last day with fixes of each line of versions, and where its maker says so.
AS_OF = date(2026, 11, 1)
LINES: dict[str, tuple[str, dict[str, str]]] = {
    "PHP": (
        "https://www.php.net/eol.php",
        {"5.6": "2018-12-31", "7.0": "2019-01-10", "7.1": "2019-12-01", "7.2": "2020-11-30", "7.3": "2021-12-06", "7.4": "2022-11-28",
         "8.0": "2023-11-26", "8.1": "2025-12-31", "8.2": "2026-12-31"},
    ),
    "Apache httpd": ("https://httpd.apache.org/", {"2.0": "2013-07-10", "2.2": "2018-01-01"}),
    "Apache Tomcat": (
        "https://tomcat.apache.org/whichversion.html", {"6.0": "2016-12-31", "7.0": "2021-03-31", "8.0": "2018-06-30", "8.5": "2024-03-31"},
    ),
    "Microsoft IIS": (
        "https://learn.microsoft.com/en-us/lifecycle/products/internet-information-services-iis",
        {"6.0": "2015-07-14", "7.0": "2020-01-14", "7.5": "2020-01-14", "8.0": "2023-10-10", "8.5": "2023-10-10"},
    ),
    "MySQL": ("https://www.mysql.com/support/eol-notice.html", {"5.5": "2018-12-31", "5.6": "2021-02-05", "5.7": "2023-10-31", "8.0": "2026-04-30"}),
    "MariaDB": (
        "https://mariadb.org/about/#maintenance-policy",
        {"5.5": "2020-04-11", "10.0": "2019-03-31", "10.1": "2020-10-17", "10.2": "2022-05-23", "10.3": "2023-05-25", "10.4": "2024-06-18", "10.5": "2025-06-24",
         "10.6": "2026-07-06"},
    ),
    "PostgreSQL": (
        "https://www.postgresql.org/support/versioning/",
        {"9.6": "2021-11-11", "10": "2022-11-10", "11": "2023-11-09", "12": "2024-11-21", "13": "2025-11-13", "14": "2026-11-12"},
    ),
    "MongoDB": (
        "https://www.mongodb.com/legal/support-policy/lifecycles",
        {"3.6": "2021-04-30", "4.0": "2022-04-30", "4.2": "2023-04-30", "4.4": "2024-02-29", "5.0": "2024-10-31", "6.0": "2025-07-31"},
    ),
    "Elasticsearch": ("https://www.elastic.co/support/eol", {"5": "2019-03-11", "6": "2022-02-10", "7": "2026-01-15"}),
    "ZooKeeper": ("https://zookeeper.apache.org/releases.html", {"3.4": "2020-06-01", "3.5": "2022-06-01"}),
    "BIND": ("https://www.isc.org/download/", {"9.11": "2022-03-31", "9.16": "2024-04-30"}),
}  # fmt: skip
PHP = re.compile(r"PHP/(\d{1,2}\.\d{1,2}[\d.]{0,10})")


def ended(product: str, version: str, today: date) -> tuple[str, str] | None:
    """Return the line of versions and its last day when that day is past; a line older than all in the table ended before the oldest."""
    lines = LINES[product][1] if product in LINES else {}
    if not lines or not re.match(r"\d", version):
        return None
    numbers = _numbers(version)
    for line, last in lines.items():
        if numbers[: len(_numbers(line))] == _numbers(line):
            return (line, last) if date.fromisoformat(last) < today else None
    oldest = min(lines, key=_numbers)
    return (f"before {oldest}", lines[oldest]) if numbers < _numbers(oldest) else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,6}", version)[:4])


def _programs(subject: Subject) -> Iterable[tuple[str, str]]:
    service = subject.service
    yield service.product, service.version
    for text in (service.web.powered_by, service.web.server) if service.web else ():
        if found := PHP.search(text):
            yield "PHP", found[1]


def _sees(subject: Subject) -> Seen | None:
    for product, version in _programs(subject):
        if (over := ended(product, version, subject.today.date())) is not None:
            return Seen(
                f"{product} {version}: line {over[0]} had its last fixes on {over[1]} ({LINES[product][0]}).",
                title=f"{product} is not maintained any more",
            )
    return None


CHECKS = (
    Check(
        id="end-of-life", title="A product is not maintained any more", severity=Severity.MEDIUM, category=Category.SOFTWARE, version_only=True,
        needs=f"A product and version that the service tells; last days as of {AS_OF}.",
        description="New weaknesses in it stay open for ever, unless a distribution fixes its own package.",
        remedy="Move to a line of versions that its maker maintains.", references=(cwe(1104), *sorted(source for source, _lines in LINES.values())), sees=_sees,
    ),
)  # fmt: skip
