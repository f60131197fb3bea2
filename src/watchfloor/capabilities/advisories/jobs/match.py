"""Match what an organisation's assets run against all advisories: what changed on either side since the last time, and nothing else."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from watchfloor.capabilities.advisories.engine import weigh
from watchfloor.capabilities.advisories.queries import matches
from watchfloor.capabilities.advisories.queries.decisions import decisions
from watchfloor.capabilities.advisories.queries.inventory import assets, exposed_anew
from watchfloor.capabilities.advisories.queries.settled import settled
from watchfloor.capabilities.advisories.schemas.words import State
from watchfloor.capabilities.advisories.settings import AdvisorySettings
from watchfloor.kernel.assets.facts import Mark, facts_since
from watchfloor.kernel.contract import Queue, job
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.events.outbox import Told, emit_all
from watchfloor.kernel.findings import ledger
from watchfloor.kernel.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.advisories.engine.weigh import Match
    from watchfloor.capabilities.advisories.queries.inventory import Held, Running
    from watchfloor.capabilities.advisories.queries.matches import Place, Stored
    from watchfloor.capabilities.advisories.schemas.merged import Merged
    from watchfloor.kernel.contract import JobContext
    from watchfloor.kernel.db.session import Wire

Item = TypeVar("Item")
FACTS_AT_ONCE, ASSETS_AT_ONCE, CVES_AT_ONCE = 2000, 200, 1000
WRITTEN_AT_ONCE = 300  # matches: a transaction is to be short, its job's heartbeat waits for it
MANY_CVES = 20_000  # beyond it whole assets are matched anew, which costs less
ASSETS_NAMED = 50  # in one event
CLOSED = "match.closed"


class MatchInventory(BaseModel):
    """What to match."""

    model_config = ConfigDict(extra="forbid")

    full: bool = Field(default=False, description="Match every asset against every advisory again, not only what changed.")
    assets: list[UUID] = Field(
        default=[], max_length=70_000, description="Match these against every advisory at once, however short ago they were looked at."
    )


class Matched(BaseModel):
    """What matching changed."""

    model_config = ConfigDict(extra="forbid")

    assets: int = 0
    advisories: int = 0
    added: int = 0
    changed: int = 0
    closed: int = 0
    findings: int = 0


@job("advisories.match", MatchInventory, queue=Queue.ADVISORIES, timeout=timedelta(hours=2), attempts=5)
def match_inventory(context: JobContext, request: MatchInventory) -> Matched:
    """Match assets that changed against all advisories, and advisories that changed against all assets."""
    with context.transaction() as session:
        wire = wire_of(session)
        reader = matches.reader(wire, context.org)
        upto = matches.newest(wire)
        many = len(matches.revised(wire, reader.revision, upto, MANY_CVES + 1)) > MANY_CVES
        again = list(assets(wire, context.org)) if request.full or many else [*exposed_anew(wire, context.org), *request.assets]
    run = _Run(context, quiet=reader.first)
    mark = run.read_facts(reader.mark)
    run.match_assets(again)
    if reader.first or request.full or many:
        run.advance(revision=upto)
    else:
        run.read_advisories(reader.revision, upto)
    with context.transaction() as session:
        vanished = matches.vanished(wire_of(session), context.org)
    run.match_advisories(vanished)
    run.advance(mark=mark, done=True)
    return run.done


@dataclass(frozen=True)
class _Write:
    """A match that is new or differs."""

    place: Place
    match: Match
    before: Stored | None
    merged: Merged
    fact: Running
    asset: Held


@dataclass(frozen=True)
class _Close:
    """A match that is one no longer, and why."""

    place: Place
    before: Stored
    reason: str
    name: str


@dataclass
class _Plan:
    """What is to be written."""

    writes: list[_Write] = field(default_factory=list)
    closes: list[_Close] = field(default_factory=list)


class _Run:
    """One job's work. Every step may run twice: it writes only what differs from what is there."""

    def __init__(self, context: JobContext, *, quiet: bool) -> None:
        """Remember whether this is the first time: what was true before anybody looked is no news."""
        self.context, self.quiet = context, quiet
        self.least = read_settings(AdvisorySettings, "advisories").finding_min_confidence
        self.done = Matched()

    def advance(self, *, revision: int | None = None, mark: Mark | None = None, done: bool = False) -> None:
        """Write down how far has been read."""
        with self.context.transaction() as session:
            matches.advance(wire_of(session), self.context.org, revision=revision, mark=mark, done=done)
            self.context.advanced(session)

    def read_facts(self, mark: Mark | None) -> Mark | None:
        """Match the assets whose facts changed after a mark; return the last fact."""
        while True:
            with self.context.transaction() as session:
                page = facts_since(session, self.context.org, mark, limit=FACTS_AT_ONCE)
            if not page:
                return mark
            self.match_assets(dict.fromkeys(fact.asset for fact in page))
            mark = Mark(page[-1].changed_at, page[-1].id)
            self.advance(mark=mark)

    def read_advisories(self, after: int, upto: int) -> None:
        """Match the advisories that changed between two revisions."""
        while True:
            with self.context.transaction() as session:
                page = matches.revised(wire_of(session), after, upto, CVES_AT_ONCE)
            if not page:
                return
            self.match_advisories([k for _revision, k in page])
            after = page[-1][0]
            self.advance(revision=after)

    def match_assets(self, ids: Iterable[UUID]) -> None:
        """Match whole assets against all advisories."""
        for chunk in _chunks(list(ids), ASSETS_AT_ONCE):
            with self.context.transaction() as session:
                wire = wire_of(session)
                held = assets(wire, self.context.org, chunk)
                plan = _plan(wire, held, matches.stored(wire, self.context.org, assets=chunk), only=None)
            self._write(plan)
            with self.context.transaction() as session:
                matches.seen_again(wire_of(session), self.context.org, chunk)
            self.done.assets += len(chunk)
            self.context.progress(self.done.assets, self.done.assets, "assets")

    def match_advisories(self, ks: Sequence[int]) -> None:
        """Match some advisories against all assets."""
        if not ks:
            return
        with self.context.transaction() as session:
            wire = wire_of(session)
            plan = _plan(wire, assets(wire, self.context.org), matches.stored(wire, self.context.org, ks=ks), only=ks)
        self._write(plan)
        self.done.advisories += len(ks)
        self.context.progress(self.done.advisories, self.done.advisories, "advisories")

    def _write(self, plan: _Plan) -> None:
        for writes in _chunks(plan.writes, WRITTEN_AT_ONCE):
            with self.context.transaction() as session:
                matches.reader(wire_of(session), self.context.org)  # one writer for an organisation at a time
                matches.save(wire_of(session), self.context.org, ((one.place, one.match) for one in writes))
                self._record(session, writes)
                self._tell(session, writes)
            fresh = sum(one.before is None or not one.before.open for one in writes)
            self.done.added += fresh
            self.done.changed += len(writes) - fresh
        for closes in _chunks(plan.closes, WRITTEN_AT_ONCE):
            with self.context.transaction() as session:
                matches.reader(wire_of(session), self.context.org)
                matches.close(wire_of(session), self.context.org, ((one.before.id, one.reason) for one in closes))
                self._fix(session, closes)
                self._tell_closed(session, closes)
            self.done.closed += len(closes)

    def _record(self, session: Session, writes: Iterable[_Write]) -> None:
        """Record findings of matches that are sure enough; those that are so no longer end as candidates."""
        sure: list[ledger.Seen] = []
        for one in writes:
            if one.match.confidence >= self.least:
                sure.append(_seen(one))
            elif one.before is not None and one.before.match.confidence >= self.least:
                reason = f"no longer sure enough for a finding: {one.match.why['match']}"
                self._fix_keys(session, [_key(one.place, one.merged.cve_id)], reason)
        ledger.record_all(session, self.context.org, sure, capability="advisories", job=self.context.job_id, quiet=self.quiet)
        self.done.findings += len(sure)

    def _fix(self, session: Session, closes: Iterable[_Close]) -> None:
        by_reason: dict[str, list[str]] = defaultdict(list)
        for one in closes:
            if one.before.match.confidence >= self.least:
                by_reason[one.reason].append(_key(one.place, one.name))
        for reason, keys in sorted(by_reason.items()):
            self._fix_keys(session, keys, reason)

    def _fix_keys(self, session: Session, keys: Collection[str], reason: str) -> None:
        ledger.close(session, self.context.org, keys, capability="advisories", reason=reason, actor="advisories", job=self.context.job_id)

    def _tell(self, session: Session, writes: Iterable[_Write]) -> None:
        """Tell what happened to matches that are findings, one event for a CVE however many assets it meets."""
        if self.quiet:
            return
        told: dict[tuple[str, int], list[_Write]] = defaultdict(list)
        for one in writes:
            if one.match.confidence >= self.least:
                for name in _happened(one, self.least):
                    told[name, one.place[2]].append(one)
        events = [_told(name, several) for (name, _k), several in sorted(told.items())]
        emit_all(session, self.context.org, events, job=self.context.job_id)

    def _tell_closed(self, session: Session, closes: Iterable[_Close]) -> None:
        told: dict[tuple[str, str], list[_Close]] = defaultdict(list)
        for one in closes:
            if one.before.match.confidence >= self.least:
                told[one.name, one.reason].append(one)
        events = [
            Told(CLOSED, data={"cve": name, "reason": reason, **_assets(one.place[0] for one in several)})
            for (name, reason), several in sorted(told.items())
        ]
        emit_all(session, self.context.org, events, job=self.context.job_id)


def _plan(wire: Wire, held: Mapping[UUID, Held], stored: Mapping[Place, Stored], *, only: Collection[int] | None) -> _Plan:
    """Compare what is decided now with what is stored."""
    plan, today = _Plan(), _today(wire)
    decided: set[Place] = set()
    found = dict(decisions(wire, held, only=only))
    records = {k: one.merged for k, one in settled(wire, sorted({*found, *(place[2] for place in stored)})).items()}
    for k, several in found.items():
        merged = records.get(k)
        if merged is None or merged.state is State.REJECTED or merged.merged_into is not None:
            continue
        weighed: dict[tuple[object, ...], Match] = {}  # most assets run the same things
        for asset, fact, verdict in several:
            place: Place = (asset, fact.id, k)
            before = stored.get(place)
            decided.add(place)
            first = before.first_seen if before is not None and before.open else today
            same = (verdict.why, verdict.confidence, held[asset].exposure, first)
            match = weighed.get(same) or weigh.weigh(verdict, merged, held[asset].exposure, fact.observed.label, first, today)
            weighed[same] = match
            if before is None or not before.open or match.differs(before.match):
                plan.writes.append(_Write(place, match, before, merged, fact, held[asset]))
    for place, kept in stored.items():
        if kept.open and place not in decided:
            record = records.get(place[2])
            plan.closes.append(_Close(place, kept, _reason(place, kept, held, record), weigh.name(place[2], record)))
    return plan


def _reason(place: Place, before: Stored, held: Mapping[UUID, Held], merged: Merged | None) -> str:
    """Say why a match ended."""
    asset, fact, _k = place
    if merged is None or merged.state is State.REJECTED:
        return "the advisory was rejected"
    if merged.merged_into is not None:
        return "the advisory is part of another one now"
    running = next((one for one in held[asset].facts if one.id == fact), None) if asset in held else None
    if running is None:
        return "what it was about does not run there any more"
    was = before.match.criterion["seen"]
    if running.observed.label != was:
        return f"{running.observed.label} was seen, which is not affected; it was {was}"
    return "the advisory does not name this version as affected any more"


def _seen(one: _Write) -> ledger.Seen:
    service = one.fact.kind == "service"
    return ledger.Seen(
        key=_key(one.place, one.merged.cve_id), check=one.merged.cve_id, asset=one.asset.id, target=one.asset.key,
        port=one.fact.port if service else None, protocol=one.fact.protocol or "tcp", title=weigh.title(one.merged, one.fact.observed.label),
        severity=weigh.severity(one.match), evidence=weigh.evidence(one.match, one.merged), remedy=weigh.remedy(one.match, one.fact.product),
        description=one.merged.descr, references=weigh.references(one.merged),
    )  # fmt: skip


def _happened(one: _Write, least: float) -> Iterator[str]:
    before = one.before
    if before is None or not before.open:
        yield "match.new"
        return
    if before.match.band != one.match.band:
        yield "match.band_changed"
    if before.match.confidence < least:
        yield "match.confidence_raised"


def _told(name: str, several: Sequence[_Write]) -> Told:
    worst = max(several, key=lambda one: one.match.priority)
    data = {
        "cve": worst.merged.cve_id, "title": worst.merged.title, "priority": worst.match.priority, "band": str(worst.match.band),
        "old": _value(name, worst.before.match) if worst.before else None, "new": _value(name, worst.match),
        **_assets(one.asset.id for one in several),
    }  # fmt: skip
    return Told(name, weigh.severity(worst.match), data)


def _value(name: str, match: Match) -> object:
    return match.confidence if name == "match.confidence_raised" else str(match.band)


def _assets(ids: Iterable[UUID]) -> dict[str, object]:
    distinct = sorted({str(one) for one in ids})
    return {"assets": distinct[:ASSETS_NAMED], "count": len(distinct)}


def _key(place: Place, name: str) -> str:
    """Return the key of the finding of a match: a fact keeps its id as long as the same product answers on the same port."""
    asset, fact, _k = place
    return f"advisories:{fact or asset}:{name}"


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _today(wire: Wire) -> date:
    row = wire.execute("select wf_now()", binary=True).fetchone()
    now: datetime = row[0] if row else datetime.now(UTC)
    return now.astimezone(UTC).date()
