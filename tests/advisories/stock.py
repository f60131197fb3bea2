"""A shelf of advisories with documents, history and refusals, in the database of the session while a module's tests run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
import zstandard

from tests.advisories import shelf
from tests.advisories.sources import forget
from tests.api.floor import make_org
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.schemas.words import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from watchfloor.kernel.jobs.ledger import Ledger

LOG4J, SSH = "CVE-2021-44228", "CVE-2024-6387"
NVD = {
    "id": LOG4J,
    "references": [{"url": "https://logging.apache.org/", "source": "x", "tags": ["Vendor Advisory"]}, {"url": "javascript:x"}],
}
CNA = {
    "containers": {"cna": {"references": [{"url": "https://logging.apache.org/", "tags": ["x_note"]}, {"url": "https://example.org/a"}]}}
}


@pytest.fixture(scope="module")
def stocked(ledger: Ledger, postgres: str) -> Iterator[None]:
    """Put the shelf into the database, with documents, a history and a refusal; take it away again."""
    forget(postgres)
    k = key_of(LOG4J)
    with ledger.database.transaction(make_org(ledger)) as session, curating(session) as wire:
        shelf.fill(wire)
        for src, document in ((1, NVD), (2, CNA)):
            wire.execute(
                "insert into adv_raw (src, k, h, doc) values (%s, %s, %s, %s)",
                (src, k, b"\x01" * 16, zstandard.compress(msgspec.json.encode(document))),
            )
            wire.execute(
                "insert into adv_fact (src, k, state, status, title, descr, published, modified, cwes, flags, replaced_by) "
                "values (%s, %s, 1, 'Analyzed', 'Log4Shell', 'JNDI', '2021-12-10', '2026-08-01', '{CWE-502}', 8, '{}')",
                (src, k),
            )
        wire.execute(
            "insert into adv_metric values (%s, 1, '3.1', 1, 10, %s, 'critical'), (%s, 2, '3.1', 2, 9, 'CVSS:3.1/AV:N', 'critical')",
            (k, shelf.V31, k),
        )
        wire.execute("insert into adv_ssvc values (%s, 2, 2, true, true, '2025-02-04', 'CISA Coordinator', '2.0.3')", (k,))
        wire.execute(
            "insert into adv_change (k, kind, old, new, src, at, quiet) values (%(k)s, 'advisory.kev_added', null, '\"kev\"', 3, '2021-12-10', false), "
            "(%(k)s, 'advisory.band_changed', '\"high\"', '\"critical\"', null, '2021-12-11', true)",
            {"k": k},
        )
        wire.execute("insert into adv_reject (src, stream, ref, reason, sample) values (1, 'modified', %s, 'not JSON', '{')", (LOG4J,))
        wire.execute(
            "insert into adv_stream (src, stream, watermark, rows_ok, checked_at, ok_at) values (1, '', '2026-08-20', 8, wf_now(), wf_now())"
        )
        wire.execute(
            "insert into adv_stream (src, stream, checked_at, failures, last_error) values (6, '', wf_now(), 2, '{\"code\": \"source_unavailable\"}')"
        )
    yield
    forget(postgres)
