"""Facts about what is done once in a while: names learned, products counted, earlier documents thrown away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, cast

import psycopg
import pytest

from tests.advisories.sources import Press, key
from tests.fetch.servers import Answer, serve
from watchfloor.capabilities.advisories.jobs.reconciling import Reconcile, Reconciled, learn_names, reconcile
from watchfloor.capabilities.advisories.queries import cache
from watchfloor.capabilities.advisories.schemas.facts import Criterion, Fact, Normal
from watchfloor.capabilities.advisories.schemas.words import Source
from watchfloor.kernel.db.rls import PLATFORM_ORG
from watchfloor.kernel.jobs.enqueue import submit
from watchfloor.kernel.jobs.queries import get_job, open_result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from tests.api.worker import Worker
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

SAME = ["CVE-2018-15473", "CVE-2021-44228", "CVE-2024-3094", "CVE-2024-6387"]


@pytest.fixture
def press(ledger: Ledger, org: UUID) -> Iterator[Press]:
    made = Press(ledger.database, org)
    made.forget()
    yield made
    made.forget()


def told(cve: str, src: Source, vendor: str, product: str, *, names: bool = False) -> Normal:
    k = key(cve)
    return Normal(
        fact=Fact(k=k, src=src, descr="A flaw."), criteria=(Criterion(k=k, src=src, vendor=vendor, product=product, names=names),)
    )


def test_names_are_learned_from_the_cves_of_all_years_and_products_counted_once(press: Press) -> None:
    press.say(Source.CVE_LIST, *(told(cve, Source.CVE_LIST, "acme inc", "gadget pro", names=True) for cve in SAME))
    press.say(Source.NVD, *(told(cve, Source.NVD, "acme", "gadget") for cve in SAME))
    assert learn_names(cast("JobContext", press)) == 1
    assert press.rows(
        "select n.vendor, n.product, p.vendor, p.product, m.support, m.against from adv_name_map m join adv_product n on n.id = m.name_id join adv_product p on p.id = m.product_id"
    ) == [("acme inc", "gadget pro", "acme", "gadget", 4, 0)]
    assert press.rows("select cves from adv_product where vendor = 'acme'") == [(4,)]
    assert press.rows("select dim, value from adv_counter where metric = 'product_top'") == [("acme:gadget", 4)]


def test_the_latest_of_earlier_documents_stay(press: Press) -> None:
    with press.wire() as wire:
        wire.execute(
            "insert into adv_raw_old (src, k, fetched_at, h, doc) select 1, k, wf_now() - make_interval(days => age), '', age::text::bytea "
            "from generate_series(1, 4) age, unnest(array[%s, %s]::bigint[]) k",
            (key(SAME[0]), key(SAME[1])),
        )
        before = cache.moment_before(wire, timedelta(0))
        assert cache.clean(wire, before, history=3, dry_run=True) == 2
        assert cache.clean(wire, before, history=3, dry_run=False) == 2
        assert set(wire.execute("select convert_from(doc, 'utf8') from adv_raw_old").fetchall()) == {("1",), ("2",), ("3",)}
        assert cache.clean(wire, before, history=0, dry_run=False) == 6


@pytest.fixture
def _unreconciled(postgres: str) -> Iterator[None]:
    """Forget when the installation was reconciled: that is no organisation's."""
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute("delete from adv_counter where dim in ('reconciled', 'reconciling')")
        yield
        wire.execute("delete from adv_counter where dim in ('reconciled', 'reconciling')")


def reconciled(worker: Worker, org: UUID) -> Reconciled | None:
    """Run the job to its end; None where it failed."""
    made = submit(worker.ledger, org, reconcile, Reconcile())
    worker.run_all(org)
    with worker.ledger.database.transaction(org) as session:
        if get_job(session, org, made.id).state != "SUCCESS":
            return None
        return Reconciled.model_validate(open_result(worker.ledger, session, org, made.id))


@pytest.mark.usefixtures("_unreconciled")
def test_what_one_organisation_has_reconciled_the_next_does_not_do_again(
    worker: Worker, org: UUID, stranger: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OFFLINE", "true")
    told = [reconciled(worker, one) for one in (org, stranger)]
    assert [one and one.skipped for one in told] == [False, True]


@pytest.mark.usefixtures("_unreconciled")
def test_what_failed_was_not_done(worker: Worker, org: UUID, stranger: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_SOURCES", "kev")
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_KEV_FALLBACK_URL", "")
    with serve(lambda _: Answer(status=404)) as source:
        monkeypatch.setenv("WATCHFLOOR_ADVISORIES_KEV_URL", f"{source.url}/nothing-is-here.json")
        assert reconciled(worker, org) is None
    assert source.paths
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OFFLINE", "true")
    told = reconciled(worker, stranger)
    assert told is not None
    assert not told.skipped


@pytest.mark.usefixtures("_unreconciled")
def test_while_one_is_at_it_another_begins_nothing(worker: Worker, org: UUID, postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WATCHFLOOR_ADVISORIES_OFFLINE", "true")
    with psycopg.connect(postgres, autocommit=True) as wire:
        wire.execute(
            "insert into adv_counter (org, metric, dim, value) values (%s, 'counted', 'reconciling', extract(epoch from now())::bigint)",
            (PLATFORM_ORG,),
        )
    told = reconciled(worker, org)
    assert told is not None
    assert told.skipped
