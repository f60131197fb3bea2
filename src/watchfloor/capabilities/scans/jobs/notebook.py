"""What one attempt writes down of a shard while it runs and when it ends."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.scans.engine import plan as planner
from watchfloor.capabilities.scans.engine.sight import Sighting, sight
from watchfloor.capabilities.scans.queries import learned
from watchfloor.capabilities.scans.schemas import Group, ScanSummary
from watchfloor.kernel import clock

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.jobs.share import Share
    from watchfloor.capabilities.scans.queries.write import Taken
    from watchfloor.capabilities.scans.schemas import HostAnswer, ProbeAnswers
    from watchfloor.kernel.contract import JobContext, Severity


class Notebook:
    """Saves each part as it comes, in one fenced transaction with the point from which the next attempt would go on."""

    def __init__(self, context: JobContext, taken: Taken, *, left_out: int, share: Share) -> None:
        """Begin with what earlier attempts wrote; `left_out` addresses are not allowed any more."""
        self._context, self._taken, self._left_out, self._share = context, taken, left_out, share
        self._assets: dict[str, UUID] = {}
        self._told: dict[str, HostAnswer] = {}
        before = taken.summary
        self._problems: Counter[Severity] = Counter(before.by_severity)
        self._services = before.services

    def keep(self, answers: ProbeAnswers) -> dict[str, Any]:
        """Save a part; returns the rates that hold from now on, for the box."""
        fresh = [answer for answer in answers.hosts if self._has_news(answer)]
        with self._context.transaction() as session:
            self._save(session, answers, self._seen(fresh), resume=answers)
            self._context.advanced(session)
        self._share.renew()
        return {"rates": self._share.rates().model_dump(mode="json")}

    def finish(self, answers: ProbeAnswers) -> ScanSummary:
        """Save the rest and end the shard."""
        with self._context.transaction() as session:
            return self._save(session, answers, self._seen(answers.hosts), resume=None)

    def _save(self, session: Session, answers: ProbeAnswers, seen: list[Sighting], *, resume: ProbeAnswers | None) -> ScanSummary:
        summary = self._summary(answers, seen)
        learned.save_part(
            session, self._context.org, self._taken, self._context.job_id, seen, summary, actor=self._context.actor, known=self._assets,
            resume=resume,
        )  # fmt: skip
        return summary

    def _has_news(self, answer: HostAnswer) -> bool:
        """Tell whether a host answered something since the part before; evidence and cursor apart, equal answers say nothing new."""
        plain = answer.model_copy(update={"cursor": None, "ports": (), "rtt_ms": None, "filtered": ()})
        before, self._told[answer.address] = self._told.get(answer.address), plain
        return bool(answer.ports) or before != plain

    def _seen(self, answers: tuple[HostAnswer, ...] | list[HostAnswer]) -> list[Sighting]:
        found = (sight(answer, self._taken.part.groups, clock.now()) for answer in answers)
        # One order for all shards, so that their transactions do not wait for each other in a circle.
        return sorted((one for one in found if one is not None), key=lambda one: one.address)

    def _summary(self, answers: ProbeAnswers, seen: list[Sighting]) -> ScanSummary:
        """Count from the beginning of the shard, whatever attempt learned it."""
        part = self._taken.part
        tallies = [tally for host in answers.hosts for tally in host.tallies.values()]
        settled = Counter[Group]()
        for host in answers.hosts:
            settled.update({group: tally.open + tally.closed + tally.filtered + tally.unreachable for group, tally in host.tallies.items()})
        asked = sum(planner.width(group.ports) for group in part.groups)
        self._problems.update(problem.severity for one in seen for problem in one.problems)
        self._services += sum(len(one.services) for one in seen)
        unlisted = sum(one.unlisted for one in seen)
        notes = list(answers.notes)
        if unlisted:
            notes.append(
                f"{unlisted:,} open ports are counted but not listed: a host that accepts every port is usually a proxy or a tarpit."
            )
        return ScanSummary(
            hosts=len(answers.hosts), open=sum(tally.open for tally in tallies), services=self._services, problems=self._problems.total(),
            by_severity=dict(self._problems), probes=answers.probes, skipped=asked * (len(answers.hosts) + self._left_out) - settled.total(),
            settled=dict(settled), elapsed=answers.elapsed, stopped=answers.stopped, notes=tuple(notes),
        )  # fmt: skip
