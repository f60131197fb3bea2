"""Facts about merging in the database: history, quiet, hysteresis, and counters that equal what they count."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from tests.advisories.sources import Press, key, listed, said
from watchfloor.capabilities.advisories.jobs import settling
from watchfloor.capabilities.advisories.jobs.ahead import Ahead, Look
from watchfloor.capabilities.advisories.jobs.rebuilding import Derived, Rebuild, rebuild
from watchfloor.capabilities.advisories.queries import counters, ingest, streams, touched
from watchfloor.capabilities.advisories.schemas.facts import Ssvc
from watchfloor.capabilities.advisories.schemas.words import Catalog, Exploitation, Flag, Source, State, euvd_key_of
from watchfloor.kernel.clock import now

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future
    from datetime import datetime
    from uuid import UUID

    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.jobs.ledger import Ledger

A, B, C = "CVE-2024-3094", "CVE-2021-44228", "CVE-2018-15473"
NVD, CNA, EUVD = Source.NVD, Source.CVE_LIST, Source.EUVD


@pytest.fixture
def press(ledger: Ledger, org: UUID) -> Iterator[Press]:
    made = Press(ledger.database, org)
    made.forget()
    yield made
    made.forget()


def test_a_first_reading_leaves_records_and_no_history(press: Press) -> None:
    press.say(NVD, said(A, score=10.0), said(B, score=10.0), quiet=True)
    press.list_exploited(listed(B), quiet=True)
    done = press.settle()
    assert (done.added, done.changed, press.changes()) == (2, 0, [])


def test_what_is_written_while_the_next_are_read_ahead_is_what_is_merged(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    press.say(NVD, said(A, score=5.0), said(B, score=5.0))
    looked = Ahead.look

    def look_and_write(ahead: Ahead, last: int) -> Future[Look]:
        look = looked(ahead, last)
        if last == settling.LOWEST and not press.rows("select from adv_cve"):
            assert set(look.result().known) == {key(A), key(B)}
            press.say(NVD, said(A, score=9.0))
        return look

    monkeypatch.setattr(Ahead, "look", look_and_write)
    press.settle()
    assert dict(press.rows("select k, round(cvss_score::numeric, 1)::float8 from adv_cve")) == {key(A): 9.0, key(B): 5.0}


def test_of_what_was_read_ahead_holds_what_nobody_wrote_about_since(press: Press) -> None:
    press.say(NVD, said(A), said(B))
    with Ahead(cast("JobContext", press), 10) as ahead:
        look = ahead.look(settling.LOWEST).result()
        press.say(NVD, said(A))
        with press.wire() as wire:
            taken = touched.take(wire, settling.LOWEST, look.top or 0, 10)
    assert set(taken) == {key(A), key(B)}
    assert set(look.still({k: version for k, (_mask, version) in taken.items()}, taken)) == {key(B)}


def test_what_another_writes_about_meanwhile_is_left_to_it(press: Press) -> None:
    press.say(NVD, said(A), said(B))
    with press.wire() as wire:
        ingest.touch(wire, [key(A)], ingest.FACTS)
        assert press.settle().merged == 1
    assert press.settle().merged == 1


def test_a_second_source_read_for_the_first_time_is_history_and_no_news(press: Press) -> None:
    press.say(NVD, said(A, score=5.0), quiet=True)
    press.settle()
    press.say(CNA, said(A, CNA, ssvc=Exploitation.ACTIVE), quiet=True)
    press.settle()
    assert {(kind, quiet) for _cve, kind, quiet in press.changes()} >= {("ssvc_changed", True), ("exploit_appeared", True)}
    assert all(quiet for _cve, _kind, quiet in press.changes())


def test_what_a_source_writes_beyond_reason_keeps_no_other_record_from_being_merged(press: Press) -> None:
    junk = random.Random(1)  # noqa: S311 - the same every time
    letters = "".join(junk.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=20_000))
    many = said(
        A, CNA, title=" ".join(f"w{number}x{junk.random()}" for number in range(60_000)), cwes=tuple(f"CWE-{n}" for n in range(9000))
    )
    wild = said(A, status=letters, score=9.8)
    press.say(CNA, many)
    press.say(NVD, msgspec.structs.replace(wild, metrics=(msgspec.structs.replace(wild.metrics[0], severity=letters),)), said(B))
    assert press.settle().added == 2
    assert press.rows(
        "select severity, length(title) <= 1000, length(status) from adv_cve c join adv_text using (k) where c.cve_id = %s", A
    ) == [("critical", True, 40)]
    assert press.settle().merged == 0


def test_what_is_new_is_told_in_order(press: Press) -> None:
    press.say(NVD, said(A, score=5.0), quiet=True)
    press.settle()
    press.say(NVD, said(B, score=10.0))
    press.settle()
    press.list_exploited(listed(A), listed(B))
    press.settle()
    press.list_exploited(listed(B, ransomware=True))
    press.settle()
    assert [one for one in press.changes() if one[1] != "band_changed"] == [
        (B, "published", False), (B, "kev_added", False), (A, "kev_added", False), (B, "ransomware_changed", False),
    ]  # fmt: skip


def test_a_flip_and_its_return_before_merging_is_nothing(press: Press) -> None:
    press.say(NVD, said(A, score=5.0))
    press.list_exploited(listed(A, added=now().replace(year=2024)))
    press.settle()
    before = press.changes()
    press.keep_only(Source.KEV)
    press.list_exploited(listed(A, added=now().replace(year=2024)))
    done = press.settle()
    assert (done.merged, press.changes()) == (1, before)


def test_merging_again_what_nobody_changed_writes_nothing(press: Press) -> None:
    press.say(NVD, said(A, score=9.8, published=now(), product="xz", cwes=("CWE-506",)))
    press.say(CNA, said(A, CNA, title="xz", ssvc=Exploitation.POC, flags=Flag.DISPUTED))
    press.list_exploited(listed(A))
    press.expect({A: 0.87544})
    with press.wire() as wire:
        wire.execute("insert into adv_epss_curve values ('2026-08-01', 0, 0.1), ('2026-08-01', 80000, 0.98765)")
    press.settle()
    with press.wire() as wire:
        ingest.touch(wire, [key(A)], ingest.FACTS)
    done = press.settle()
    assert (done.merged, done.changed) == (1, 0)


def test_a_removed_entry_is_told_and_the_record_loses_its_floor(press: Press) -> None:
    press.say(NVD, said(A, score=5.0), said(B))
    press.list_exploited(listed(A), listed(B))
    press.settle()
    press.keep_only(Source.KEV, B)
    press.settle()
    assert (A, "kev_removed", False) in press.changes()
    assert press.rows("select kev, priority < 70 from adv_cve where cve_id = %s", A) == [(False, True)]


def test_deleting_the_winner_brings_the_loser_back(press: Press) -> None:
    press.say(NVD, said(A, descr="as NVD says"))
    press.say(CNA, said(A, CNA, descr="as the CNA says", title="xz"))
    press.settle()
    press.keep_only(CNA)
    press.settle()
    assert press.rows("select descr, title from adv_text") == [("as NVD says", "")]
    press.keep_only(NVD)
    assert press.settle().removed == 1
    assert press.rows("select count(*) from adv_cve") == [(0,)]
    assert press.changes()[-1] == (str(key(A)), "removed", False)


def test_an_euvd_id_becomes_a_part_of_its_cve(press: Press) -> None:
    alone = euvd_key_of("EUVD-2024-777")
    assert alone is not None
    press.say(EUVD, said(alone, EUVD, exploited_since=now(), score=9.0))
    press.settle()
    press.say(NVD, said(A))
    press.settle()
    with press.wire() as wire:
        wire.execute("insert into adv_alias (alias, k, src) values ('EUVD-2024-777', %s, %s)", (key(A), int(EUVD)))
        wire.execute("insert into adv_touched (k, mask) values (%s, 1), (%s, 1)", (alone, key(A)))
    press.settle()
    assert press.rows("select cve_id, merged_into, exploited_eu, cvss_score, band from adv_cve order by k") == [
        ("EUVD-2024-777", key(A), True, 9.0, "none"), (A, None, True, 9.0, press.rows("select band from adv_cve where cve_id = %s", A)[0][0]),
    ]  # fmt: skip
    assert (A, "eu_exploited", False) in press.changes()
    assert_counted(press)


def crossings(press: Press) -> list[tuple[str, bool]]:
    return [
        (row[0], row[1])
        for row in press.rows("select new->>'direction', quiet from adv_change where kind = 'advisory.epss_crossed' order by id")
    ]


def test_a_probability_that_trembles_around_a_threshold_is_told_once(press: Press) -> None:
    press.say(NVD, said(A), quiet=True)
    for p in (0.09, 0.11, 0.095, 0.101, 0.085, 0.11, 0.07):
        press.expect({A: p})
        press.settle()
    assert crossings(press) == [("up", False), ("down", False)]


def test_an_id_that_epss_leaves_out_for_a_while_crosses_nothing(press: Press) -> None:
    press.say(NVD, said(A), quiet=True)
    press.settle()
    for p in (0.2, None, 0.2):
        press.expect({A: p})
        press.settle()
    assert crossings(press) == [("up", False)]


def test_a_new_model_is_quiet_and_the_day_after_is_not(press: Press) -> None:
    press.say(NVD, said(A), said(B), quiet=True)
    press.expect({A: 0.01, B: 0.01}, quiet=True)
    press.settle()
    press.expect({A: 0.3}, quiet=True)
    press.settle()
    press.expect({B: 0.3})
    press.settle()
    assert crossings(press) == [("up", True), ("up", False)]


def test_what_only_epss_or_the_day_touched_becomes_what_merging_all_of_it_makes(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    at = now()
    short = weeks_of_epss(press, at)
    monkeypatch.setattr(settling, "ONLY_SCORED", 0)
    press.forget()
    whole = weeks_of_epss(press, at)
    assert [len(rows) for rows in short] == [len(rows) for rows in whole]
    assert short == whole
    kinds = {row[1] for row in whole[1]}
    assert kinds >= {"advisory.epss_crossed", "advisory.band_changed"}


def weeks_of_epss(press: Press, at: datetime) -> list[list[Any]]:
    """Let EPSS move records of every kind for some weeks; return records, history, counters and thresholds that are held."""
    rng = random.Random(7)  # noqa: S311 - the same every time
    cves = [f"CVE-2024-{1000 + n}" for n in range(60)]
    for n, cve in enumerate(cves):
        facts: dict[str, Any] = {
            "published": at - timedelta(days=rng.choice((3, 14, 30, 91, 700))) if n % 7 else None,
            "state": State.REJECTED if n % 11 == 0 else State.PUBLISHED, "flags": Flag.DISPUTED if n % 5 == 0 else Flag(0),
        }  # fmt: skip
        ssvc = None if n % 3 else Exploitation(n % 2)
        press.say(
            NVD,
            said(
                cve,
                score=None if n % 4 == 0 else rng.choice((2.1, 6.9, 9.8)),
                product="ssh" if n % 2 else "",
                fix="2" if n % 4 else "",
                **facts,
            ),
        )
        decided = said(cve, CNA, title=f"title {n}", published=at - timedelta(days=n))
        press.say(
            CNA,
            decided
            if ssvc is None
            else msgspec.structs.replace(decided, ssvc=Ssvc(k=key(cve), src=CNA, exploitation=ssvc, automatable=True, total=False, at=at)),
        )
    alone = euvd_key_of("EUVD-2024-777")
    assert alone is not None
    press.say(EUVD, said(alone, EUVD, score=9.0, published=at))
    press.list_exploited(*(listed(cve, added=at, due=at + timedelta(days=20), ransomware=n % 2 == 0) for n, cve in enumerate(cves[::9])))
    press.settle()
    for week in range(12):
        with press.wire() as wire:
            wire.execute(
                "insert into adv_epss_curve select %s::date + %s, p, least(1, p / 100000.0 + %s) from generate_series(0, 100000, 500) p",
                ("2026-01-01", week, week / 40),
            )
        moved = rng.sample([*cves, "CVE-2031-5555"], 25)
        press.expect(
            {cve: None if rng.random() < 0.15 else rng.choice((0.001, 0.05, 0.085, 0.095, 0.1, 0.12, 0.45, 0.5, 0.97)) for cve in moved},
            quiet=week % 5 == 4,
        )
        with press.wire() as wire:
            ingest.touch(wire, [key(cve) for cve in rng.sample(cves, 5)] + [alone], ingest.AGE)
        press.settle()
    assert_counted(press)
    return [
        press.rows("select to_jsonb(c) - '{first_seen,changed,revision}'::text[] from adv_cve c order by k"),
        press.rows("select k, kind, old, new, src, quiet from adv_change order by id"),
        press.rows("select metric, dim, value from adv_counter where value <> 0 order by 1, 2"),
        press.rows("select k, held from adv_epss order by k"),
        press.rows("select * from adv_text order by k"),
    ]


def test_a_score_that_moves_leaves_the_texts_as_they_are(press: Press) -> None:
    press.say(NVD, said(A, score=5.0, descr="A flaw."))
    press.expect({A: 0.01})
    press.settle()
    before = press.rows("select xmin::text, t.* from adv_text t"), press.rows("select tsv::text from adv_cve")
    press.expect({A: 0.9})
    press.list_exploited(listed(A))
    assert press.settle().changed == 1
    assert (press.rows("select xmin::text, t.* from adv_text t"), press.rows("select tsv::text from adv_cve")) == before
    press.say(NVD, said(A, score=5.0, descr="A hole."))
    press.settle()
    assert press.rows("select c.tsv @@ 'hole'::tsquery, c.tsv @@ 'flaw'::tsquery, descr from adv_cve c join adv_text using (k)") == [
        (True, False, "A hole.")
    ]


def test_rebuilding_and_scoring_anew_move_counters_and_tell_nobody(press: Press) -> None:
    press.say(NVD, said(A, score=9.8), said(B, score=3.0), quiet=True)
    press.settle()
    with press.wire() as wire:
        wire.execute("update adv_cve set priority = 99, band = 'critical'")
        counters.repair(wire, ["band"])
    assert counted(press)["band"] == {"critical": 2}
    rebuild.handler(press, Rebuild(what=Derived.SCORES))  # type: ignore[arg-type] # as much of a context as it needs
    assert_counted(press)
    assert "critical" not in counted(press)["band"]
    assert {quiet for _cve, _kind, quiet in press.changes()} == {True}
    rebuild.handler(press, Rebuild(what=Derived.MERGE))  # type: ignore[arg-type] # as much of a context as it needs
    assert_counted(press)


def counted(press: Press) -> dict[str, dict[str, int]]:
    with press.wire() as wire:
        return counters.counted(wire)


def assert_counted(press: Press) -> None:
    with press.wire() as wire:
        assert counters.counted(wire) == counters.recount(wire)
        assert counters.repair(wire, counters.METRICS) == {}


def test_counters_are_what_a_recount_gives_after_anything_that_can_happen(press: Press) -> None:
    rng = random.Random(4)  # noqa: S311 - a repeatable order, no secret
    cves = [f"CVE-20{year}-{1000 + n}" for year in (19, 24) for n in range(20)]

    def anything() -> None:
        cve, src = rng.choice(cves), rng.choice((NVD, CNA, EUVD))
        roll = rng.random()
        if roll < 0.6:
            facts: dict[str, Any] = {
                "state": rng.choice((State.PUBLISHED, State.PUBLISHED, State.REJECTED, State.RESERVED)), "status": rng.choice(("", "Analyzed", "Deferred" * 9)),
                "published": rng.choice((None, now(), now().replace(year=2019, month=3))), "flags": rng.choice((Flag(0), Flag.DISPUTED, Flag.EXPLOIT_REF)),
                "exploited_since": rng.choice((None, None, now())),
            }  # fmt: skip
            score, ssvc = rng.choice((None, 3.1, 9.8)), rng.choice((None, *Exploitation))
            press.say(src, said(cve, src, score=score, product=rng.choice(("", "openssh")), ssvc=ssvc if src is CNA else None, **facts))
        elif roll < 0.75:
            catalog = rng.choice(tuple(Catalog))
            press.list_exploited(listed(cve, catalog, ransomware=rng.choice((None, True, False))))
        elif roll < 0.85:
            press.keep_only(rng.choice((NVD, CNA, EUVD, Source.KEV)), *rng.sample(cves, 25))
        else:
            press.expect({cve: rng.choice((None, 0.0, 0.004, 0.2, 0.55, 0.95))})

    for _round in range(12):
        for _one in range(rng.randrange(1, 12)):
            anything()
        press.settle()
        assert_counted(press)
    assert len(counted(press)["severity"]) > 1


def test_what_is_read_for_the_first_time_is_no_news(press: Press) -> None:
    def first(src: Source, stream: str, *, complete: bool = False) -> bool:
        with press.wire() as wire:
            return streams.first(wire, src, stream, complete=complete)

    def accept(src: Source, stream: str) -> None:
        with press.wire() as wire:
            streams.accept(wire, src, stream, rows=1, watermark=None, cursor={}, changed=True)

    assert first(NVD, "2024", complete=True)
    assert first(NVD, "modified")
    accept(NVD, "2024")
    assert first(NVD, "2003")
    assert first(NVD, str(now().year))
    assert not first(NVD, "2024")
    assert not first(NVD, "2024", complete=True)
    assert first(NVD, "2025", complete=True)
    assert not first(NVD, "modified")
    accept(NVD, "modified")
    assert first(NVD, "2003")
    assert not first(NVD, str(now().year))
    accept(EUVD, "mapping")
    assert first(EUVD, "exploited-part")
    accept(EUVD, "exploited-part")
    assert first(EUVD, "exploited-part")
    accept(EUVD, "exploited")
    assert not first(EUVD, "exploited-part")
    assert first(EUVD, "search")


def test_a_source_that_was_only_asked_was_not_read(press: Press) -> None:
    with press.wire() as wire:
        streams.fail(wire, CNA, {"reason": "unreachable"})
        assert streams.first(wire, CNA, "delta", complete=False)


def test_drift_is_found_put_right_and_said(press: Press) -> None:
    press.say(NVD, said(A), said(B))
    press.settle()
    with press.wire() as wire:
        wire.execute("update adv_counter set value = 7 where metric = 'cves'")
        wire.execute("insert into adv_counter select org, 'cves', 'invented', 3 from adv_counter limit 1")
        assert counters.repair(wire, ["cves", "kev"]) == {"cves": {"invented": -3, "published": -5}}
    assert_counted(press)
