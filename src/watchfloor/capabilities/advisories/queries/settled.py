"""Merged records as they are stored: read to be compared, written where they differ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.advisories.queries import rows
from watchfloor.capabilities.advisories.schemas.merged import Merged, Priority, Settled
from watchfloor.capabilities.advisories.schemas.words import Band, Exploitation, Flag, Provider, Source, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from watchfloor.kernel.db.session import Wire

SCORE_VERSION = 1
MERGED_AT_ONCE = 1250  # rows
COLUMNS = (
    "k, cve_id, merged_into, state, status, published, modified, cvss_version, cvss_score, cvss_vector, cvss_provider, cvss_src, severity, cwes, "
    "flags, kev, eukev, kev_added, kev_due, ransomware, exploited_eu, exploitation, automatable, total, weaponised, poc, epss, percentile, sources, "
    "criteria_sources, fix, priority, band, why, score_version, scored_on"
)
TOLD = "title, descr, names, prov"  # of adv_text
NAMES, TOLD_NAMES = COLUMNS.split(", "), TOLD.split(", ")
COUNT = (len(NAMES) + len(TOLD_NAMES) + 1).to_bytes(2, "big")
READ = f"select c.{COLUMNS.replace(', ', ', c.')}, {TOLD} from adv_cve c join adv_text t on t.k = c.k where c.k = any (%s::bigint[])"  # noqa: S608 - our own columns
INCOMING = f"""
create temp table if not exists adv_in_cve on commit drop
as select c.{COLUMNS.replace(", ", ", c.")}, {TOLD}, false as reworded from adv_cve c join adv_text t on t.k = c.k with no data
"""  # noqa: S608 - our own columns
WORDS = "adv_words(i.cve_id, i.names, i.title, i.descr)"
ADD = (
    f"insert into adv_text (k, {TOLD}) select k, {TOLD} from adv_in_cve",  # noqa: S608 - our own columns
    f"insert into adv_cve ({COLUMNS}, tsv) select {COLUMNS}, {WORDS} from adv_in_cve i",  # noqa: S608 - our own columns
)
# Of what only tells when a record was looked at, nothing may depend: a row is rewritten when something else differs.
REPLACE = (
    f"""
update adv_text t set {", ".join(f"{name} = i.{name}" for name in TOLD_NAMES)} from adv_in_cve i
where i.k = t.k and (i.reworded or i.prov <> t.prov)
""",  # noqa: S608 - our own columns
    f"""
update adv_cve c set {", ".join(f"{name} = i.{name}" for name in NAMES[1:])}, tsv = case when i.reworded then {WORDS} else c.tsv end,
  changed = wf_now(), revision = nextval('adv_revision')
from adv_in_cve i where i.k = c.k
""",  # noqa: S608 - our own columns
)


def settled(wire: Wire, ks: Sequence[int]) -> dict[int, Settled]:
    """Return those of these records that are stored."""
    return {row[0]: _read(row) for row in wire.execute(READ, (rows.keys(ks),), binary=True)}


def _read(row: Sequence[Any]) -> Settled:
    held = dict(zip((*NAMES, *TOLD_NAMES), row, strict=True))
    why, priority, band = held.pop("why"), held.pop("priority"), held.pop("band")
    del held["score_version"], held["scored_on"]
    merged = Merged(
        **held | {
            "state": State(held["state"]), "flags": Flag(held["flags"]), "cwes": tuple(held["cwes"]), "sources": tuple(held["sources"]),
            "criteria_sources": tuple(held["criteria_sources"]),
            "cvss_provider": None if held["cvss_provider"] is None else Provider(held["cvss_provider"]),
            "cvss_src": None if held["cvss_src"] is None else Source(held["cvss_src"]),
            "cvss_score": None if held["cvss_score"] is None else round(held["cvss_score"], 1),
            "exploitation": None if held["exploitation"] is None else Exploitation(held["exploitation"]),
            "percentile": None if held["percentile"] is None else round(held["percentile"], 5),
        }
    )  # fmt: skip
    return Settled(
        merged=merged,
        priority=Priority(
            priority=round(priority, 1), band=Band(band), points=why.get("points", {}), rule=why.get("rule", ""),
            assumed=tuple(why.get("assumed", ())),
        ),
    )  # fmt: skip


def write(wire: Wire, fresh: Iterable[Settled], changed: Sequence[tuple[Settled, Settled]], *, scored_on: date) -> None:
    """Add records that are new, as they come, and replace those that differ, given as they were and as they are; texts only where those do."""
    pack = _packer(scored_on)
    wire.execute(INCOMING)
    # The next records come while the database writes those before.
    with ThreadPoolExecutor(1) as writer:
        waiting = iter(fresh)
        written = writer.submit(_put, wire, [], ADD)
        while some := [pack(one, reworded=True) for one in islice(waiting, MERGED_AT_ONCE)]:
            written.result()
            written = writer.submit(_put, wire, some, ADD)
        written.result()
    _put(wire, [pack(new, reworded=_words(old.merged) != _words(new.merged)) for old, new in changed], REPLACE)


def _put(wire: Wire, packed: Sequence[bytes], statements: Iterable[str]) -> None:
    if packed:
        rows.copy(wire, "adv_in_cve", f"{COLUMNS}, {TOLD}, reworded", packed)
        for statement in statements:
            wire.execute(statement.encode())
        wire.execute("truncate adv_in_cve")


def _words(one: Merged) -> tuple[str, str, str]:
    return one.title, one.descr, one.names


def restate(wire: Wire, ks: Sequence[int]) -> None:
    """Say of records that read as before that what they affect may not be what it was: whoever matches them reads them again."""
    if ks:
        wire.execute("update adv_cve set revision = nextval('adv_revision') where k = any (%s::bigint[])", (rows.keys(ks),))


def drop(wire: Wire, ks: Sequence[int]) -> None:
    """Remove records of which no source says anything any more."""
    for table in ("adv_cve", "adv_text"):
        wire.execute(f"delete from {table} where k = any (%s::bigint[])", (rows.keys(ks),))  # noqa: S608 - our own tables


def _packer(scored_on: date) -> Callable[..., bytes]:
    """Return what packs records that were scored on a day, with whether their words are others now."""
    scored = rows.int2(SCORE_VERSION) + rows.day(scored_on)
    return lambda one, reworded: _pack(one, scored) + rows.flag(reworded)


def _pack(one: Settled, scored: bytes) -> bytes:
    m, p = one.merged, one.priority
    return b"".join((
        COUNT, rows.int8(m.k), rows.text(m.cve_id), rows.NULL if m.merged_into is None else rows.int8(m.merged_into), rows.int2(m.state),
        rows.word(m.status), rows.moment(m.published), rows.moment(m.modified),
        _cvss(m.cvss_version, m.cvss_score, m.cvss_vector, m.cvss_provider, m.cvss_src, m.severity), rows.texts(m.cwes),
        _signals(m.flags.value, m.kev, m.eukev, m.kev_added, m.kev_due, m.ransomware, m.exploited_eu),
        _decided(m.exploitation, m.automatable, m.total, m.weaponised, m.poc), rows.int4(m.epss), rows.real(m.percentile),
        rows.smallints(m.sources), rows.smallints(m.criteria_sources), rows.flag(m.fix), rows.real(p.priority),
        rows.word(p.band), rows.document({"points": p.points, "rule": p.rule, "assumed": p.assumed}), scored,
        rows.text(m.title), rows.text(m.descr), rows.text(m.names), rows.document(m.prov),
    ))  # fmt: skip


# What stands side by side in a row and comes again and again in the same company is packed once.
@lru_cache(maxsize=16_384)
def _cvss(
    version: str | None, score: float | None, vector: str | None, provider: Provider | None, src: Source | None, severity: str
) -> bytes:
    return b"".join((
        rows.text(version), rows.real(score), rows.text(vector), rows.int2(provider), rows.int2(src), rows.text(severity),
    ))  # fmt: skip


@lru_cache(maxsize=4096)
def _signals(
    flags: int,
    kev: bool,  # noqa: FBT001 - a key of the cache
    eukev: bool,  # noqa: FBT001 - a key of the cache
    added: datetime | None,
    due: datetime | None,
    ransomware: bool,  # noqa: FBT001 - a key of the cache
    exploited_eu: bool,  # noqa: FBT001 - a key of the cache
) -> bytes:
    return b"".join((
        rows.int4(flags), rows.flag(kev), rows.flag(eukev), rows.moment(added), rows.moment(due), rows.flag(ransomware), rows.flag(exploited_eu),
    ))  # fmt: skip


@lru_cache(maxsize=1024)
def _decided(exploitation: Exploitation | None, automatable: bool | None, total: bool | None, weaponised: bool, poc: bool) -> bytes:  # noqa: FBT001 - a key of the cache
    return b"".join((
        rows.int2(exploitation), rows.flag(automatable), rows.flag(total), rows.flag(weaponised), rows.flag(poc),
    ))  # fmt: skip


def same(one: Settled, other: Settled) -> bool:
    """Tell whether a record is the one that is stored; its points may have moved by less than anybody sees."""
    ours, theirs = one.priority, other.priority
    return one.merged == other.merged and (ours.priority, ours.band, ours.rule) == (theirs.priority, theirs.band, theirs.rule)
