"""What people decide about findings: accept a risk until a day, call one a false positive, open it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from psycopg.rows import class_row

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import CallerError, Conflict, InvalidInput, NotFound
from watchfloor.kernel.findings.changes import COLUMNS, EXPIRED, Subject, tell

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

Decision: TypeAlias = Literal["accepted", "false_positive", "open"]

AT_ONCE: Final = 1000
# A risk that nobody looks at again for longer is forgotten, not accepted.
LONGEST: Final = timedelta(days=5 * 366)


@dataclass(frozen=True)
class Refused:
    """A finding that a decision about several could not change, and why."""

    finding: UUID
    error: CallerError


def triage(session: Session, org: UUID, finding: UUID, *, state: Decision, reason: str, actor: str, until: datetime | None = None) -> None:
    """Decide about one finding.

    Raises:
        NotFound: There is none of this id.
        Conflict: It is fixed, or open already when it should open.
        InvalidInput: An acceptance without an end in the next five years, or another decision with one.
    """
    for refused in triage_many(session, org, [finding], state=state, reason=reason, actor=actor, until=until):
        raise refused.error


def triage_many(
    session: Session, org: UUID, findings: Sequence[UUID], *, state: Decision, reason: str, actor: str, until: datetime | None = None
) -> list[Refused]:
    """Decide about up to 1,000 findings at once, each with its own change, event and audit row; return those it could not be done for.

    Raises:
        InvalidInput: There is no reason, or as for one finding.
    """
    _check(session, findings, state, reason, until)
    wire = wire_of(session)
    sql = f"select {COLUMNS} from finding where org = %s and id = any (%s) order by id for update"  # noqa: S608 - our own columns
    found = {one.id: one for one in wire.cursor(row_factory=class_row(Subject)).execute(sql, (org, list(findings))).fetchall()}
    refused = [Refused(one, error) for one in dict.fromkeys(findings) if (error := _refusal(one, found.get(one), state))]
    kept = [one for one in found.values() if one.id not in {other.finding for other in refused}]
    if kept:
        wire.execute(
            "update finding set state = %s, accepted_until = %s, reason = %s, fixed_at = null, misses = 0, missed_by = null "
            "where org = %s and id = any (%s)",
            (state, until, reason, org, [one.id for one in kept]),
        )
        tell(session, org, kept, to=state, actor=actor, operation="finding.triage", reason=reason, until=until)
    return refused


def _check(session: Session, findings: Sequence[UUID], state: Decision, reason: str, until: datetime | None) -> None:
    if len(findings) > AT_ONCE:
        raise InvalidInput(f"{len(findings):,} findings are more than the {AT_ONCE:,} that can be decided about at once.", field="/ids")
    if not reason.strip():
        raise InvalidInput("A decision about a finding needs a reason; it is kept for whoever asks later.", field="/reason")
    if state != "accepted":
        if until is not None:
            raise InvalidInput("Only an acceptance ends by itself; leave `until` out.", field="/until")
        return
    if until is None:
        raise InvalidInput("An acceptance needs an end; say until when the risk is accepted.", field="/until")
    row: Any = (
        wire_of(session)
        .execute("select %(until)s > wf_now(), %(until)s <= wf_now() + %(longest)s", {"until": until, "longest": LONGEST})
        .fetchone()
    )
    if row != (True, True):
        raise InvalidInput(f"An acceptance ends in the future, within five years; {until:%Y-%m-%d %H:%M} does not.", field="/until")


def _refusal(finding: UUID, found: Subject | None, state: Decision) -> CallerError | None:
    if found is None:
        return NotFound(f"there is no finding {finding}")
    if found.state == "fixed" and state != "false_positive":
        return Conflict(f"finding {finding} is fixed: it was not seen any more. It opens by itself when it is seen again.")
    if found.state == state == "open":
        return Conflict(f"finding {finding} is open already")
    return None


def reopen_expired(session: Session, org: UUID, *, job: UUID | None) -> int:
    """Open up to 1,000 findings whose acceptance has expired and tell of it; return how many."""
    changed = wire_of(session).cursor(row_factory=class_row(Subject)).execute(
        f"with due as (select {COLUMNS} from finding where org = %(org)s and state = 'accepted' and accepted_until <= wf_now() "  # noqa: S608 - our own columns
        "order by id limit %(most)s for update skip locked), "
        "done as (update finding f set state = 'open', accepted_until = null, reason = %(reason)s from due where f.org = %(org)s and f.id = due.id) "
        "select * from due order by id",
        {"org": org, "most": AT_ONCE, "reason": EXPIRED},
    ).fetchall()  # fmt: skip
    tell(session, org, changed, to="open", actor="system", operation="finding.reopen", reason=EXPIRED, job=job)
    return len(changed)
