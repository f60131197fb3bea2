"""What the tables of advisories hold, to be compared: without the times and places at which it was written."""

from __future__ import annotations

from typing import Any

import psycopg

TABLES = {
    "adv_raw": "src, k, h, source_modified, doc is not null, gone_at is null",
    "adv_fact": "src, k, state, status, title, descr, published, modified, cwes, flags",
    "adv_metric": "k, src, version, provider, score, vector, severity",
    "adv_ssvc": "k, src, exploitation, automatable, total, at",
    "adv_criterion": "k, src, cfg, node, pos, logic, vulnerable, kind, rng, upd, factor, text, fix",
    "adv_kev": "k, catalog, added, due, ransomware, action, name, extra, removed_at is null",
    "adv_cve": "k, cve_id, state, published, modified, tsv, cvss_score, severity, cwes, kev, ransomware, epss, priority, band, fix",
    "adv_text": "k, title, descr, names, prov",
    "adv_touched": "k",
    "adv_counter": "metric, dim, value",
}
# A counter that came back to nothing is one that never was, and when something was counted is no content.
COUNTS = {"adv_counter": "where value <> 0 and metric <> 'counted'"}


def contents(url: str, *tables: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return a digest of each row, table by table; `url` may be the product's or the owner's."""
    with psycopg.connect(url.replace("//wf_login:", "//wf_owner:", 1)) as connection:
        return {
            table: connection.execute(f"select md5(({TABLES[table]})::text) from {table} {COUNTS.get(table, '')} order by 1").fetchall()
            for table in tables or TABLES
        }
