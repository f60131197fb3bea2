"""Let sources say things in a test, and merge what they said, as the jobs do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import psycopg

from watchfloor.capabilities.advisories.jobs.settling import Settlement, settle
from watchfloor.capabilities.advisories.queries import catalogs, ingest
from watchfloor.capabilities.advisories.queries.curator import curating
from watchfloor.capabilities.advisories.queries.products import Products
from watchfloor.capabilities.advisories.schemas.facts import Criterion, Fact, Kev, Metric, Normal, Ssvc
from watchfloor.capabilities.advisories.schemas.words import Catalog, Provider, Source, key_of
from watchfloor.kernel.clock import now
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Database, Wire


KNOWN = (
    "adv_stream", "adv_source", "adv_zdict", "adv_raw", "adv_raw_old", "adv_fact", "adv_metric", "adv_kev", "adv_ssvc", "adv_epss", "adv_epss_curve",
    "adv_exploit", "adv_alias", "adv_product", "adv_name_map", "adv_criterion", "adv_cve", "adv_text", "adv_touched", "adv_change", "adv_reject",
    "adv_counter", "adv_counter_day",
)  # fmt: skip
COUNTED = ("adv_counter", "adv_counter_day")


def forget(postgres: str) -> None:
    """Forget all that the world knows, as the owner of the database."""
    with psycopg.connect(postgres, autocommit=True) as owner:
        owner.execute(f"truncate {', '.join(KNOWN)}")


class Press:
    """Sources that say what a test has them say; what they said is merged when the test says so."""

    def __init__(self, database: Database, org: UUID) -> None:
        """Work for an organisation."""
        self.database, self.org = database, org
        self._number = 0

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Open a transaction, as the context of a job does."""
        with self.database.transaction(self.org) as session:
            yield session

    def reading(self) -> AbstractContextManager[Session]:
        """Read one moment's data, as the context of a job does."""
        return self.database.reading(self.org)

    @contextmanager
    def wire(self) -> Iterator[Wire]:
        """Write what the world knows."""
        with self.transaction() as session, curating(session) as wire:
            yield wire

    def forget(self) -> None:
        """Forget all that the world knows: it is not an organisation's, so no test's end takes it away."""
        with self.wire() as wire:
            wire.execute(f"truncate {', '.join(one for one in KNOWN if one not in COUNTED)}")
            wire.execute("delete from adv_counter; delete from adv_counter_day")

    def advanced(self, session: Session) -> None:
        """Do nothing: there is no attempt whose crashes are counted."""

    def progress(self, *_told: object) -> None:
        """Do nothing: nobody looks."""

    def settle(self) -> Settlement:
        """Merge and score what was touched."""
        return settle(cast("JobContext", self))

    def rows(self, query: str, *values: object) -> list[Any]:
        """Read with the organisation's rights."""
        with self.transaction() as session:
            return wire_of(session).execute(query, values or None).fetchall()

    def say(self, src: Source, *said: Normal, quiet: bool = False) -> None:
        """Have a source say this of some CVEs, instead of what it said of them before."""
        with self.wire() as wire:
            heads = [(one.fact.k, self._hash(), None) for one in said]
            news, old = ingest.differing(wire, src, heads)
            items = [(ingest.Head(k, h, None, None, b""), one) for (k, h, _at), one in zip(heads, said, strict=True) if k in news]
            ingest.replace(wire, src, items, old, products=Products(), history=0, quiet=quiet)

    def list_exploited(self, *entries: Kev, quiet: bool = False) -> None:
        """Have a catalog list these."""
        with self.wire() as wire:
            heads = [ingest.Head(one.k, self._hash(), None, None, b"") for one in entries]
            src = Source.KEV if entries[0].catalog is Catalog.CISA else Source.EU_KEV
            old = {k for (k,) in wire.execute("select k from adv_raw where src = %s", (int(src),))}
            catalogs.write_raw(wire, src, heads, old.intersection(one.k for one in entries))
            catalogs.write_kev(wire, entries, quiet=quiet)

    def keep_only(self, src: Source, *cves: str) -> None:
        """Have a source that tells everything at once leave all others out."""
        with self.wire() as wire:
            catalogs.lose(wire, src, {key(cve) for cve in cves}, low=-(10**18), high=10**18)

    def expect(self, probabilities: dict[str, float | None], *, quiet: bool = False) -> None:
        """Have EPSS expect this of CVEs; None is one that EPSS leaves out."""
        with self.wire() as wire:
            for name, p in probabilities.items():
                k = key(name)
                wire.execute(
                    "insert into adv_epss (k, p, lev_date, gone_at) values (%(k)s, coalesce(%(p)s, 0), '2026-01-01', case when %(p)s is null then wf_now() end) "
                    "on conflict (k) do update set p = coalesce(%(p)s, adv_epss.p), gone_at = excluded.gone_at",
                    {"k": k, "p": None if p is None else round(p * 100_000)},
                )
                ingest.touch(wire, [k], ingest.EPSS, quiet=quiet)

    def changes(self) -> list[tuple[str, str, bool]]:
        """Return the history: CVE, what happened, whether quietly."""
        return [
            (cve, kind.removeprefix("advisory."), quiet)
            for cve, kind, quiet in self.rows(
                "select coalesce(c.cve_id, a.k::text), kind, quiet from adv_change a left join adv_cve c using (k) order by a.id"
            )
        ]

    def _hash(self) -> bytes:
        self._number += 1
        return self._number.to_bytes(16, "big")


def key(cve: str) -> int:
    """Return the number of a CVE."""
    k = key_of(cve)
    assert k is not None, cve
    return k


def said(
    cve: str | int,
    src: Source = Source.NVD,
    *,
    score: float | None = None,
    product: str = "",
    fix: str = "",
    ssvc: Any = None,
    **facts: Any,
) -> Normal:
    """Return what a source says of a CVE."""
    k = cve if isinstance(cve, int) else key(cve)
    vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"
    metrics = (
        () if score is None else (Metric(k=k, src=src, version="3.1", provider=Provider.NVD, score=score, vector=vector, severity="high"),)
    )
    criteria = (Criterion(k=k, src=src, vendor=product, product=product, fix=fix),) if product else ()
    decided = None if ssvc is None else Ssvc(k=k, src=src, exploitation=ssvc, automatable=False, total=False, at=now())
    return Normal(fact=Fact(k=k, src=src, **({"descr": "Something."} | facts)), metrics=metrics, criteria=criteria, ssvc=decided)


def listed(cve: str, catalog: Catalog = Catalog.CISA, **known: Any) -> Kev:
    """Return an entry of a catalog."""
    return Kev(k=key(cve), catalog=catalog, added=known.pop("added", None) or now(), **known)
