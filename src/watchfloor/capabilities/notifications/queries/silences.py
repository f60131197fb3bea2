"""Silences and suppressions: what is not told for a while, which addresses take no mail, who said so and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb
from sqlalchemy import func, or_, select

from watchfloor.capabilities.notifications.models import Silence, Suppression
from watchfloor.capabilities.notifications.schemas.silences import SilenceView, SuppressionView
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.keyset import Page, page
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.silences import SilenceCreate

LIST: Final = """
select id, matchers, starts_at, ends_at, reason, actor, created_at from notify_silence
where org = %(org)s and (%(over)s or ends_at > wf_now()) and (%(id)s::uuid is null or id = %(id)s) order by ends_at, id limit 1000
"""
# One that has not begun is over as well.
END: Final = """
update notify_silence set starts_at = least(starts_at, wf_now() - interval '1 microsecond'), ends_at = wf_now() where org = %s and id = %s and ends_at > wf_now()
"""


def add_silence(session: Session, org: UUID, wish: SilenceCreate, *, actor: str) -> UUID:
    """Tell nobody of what fits for a while."""
    made = new_id()
    wire_of(session).execute(
        "insert into notify_silence (org, id, matchers, starts_at, ends_at, reason, actor) values (%s, %s, %s, %s, %s, %s, %s)",
        (org, made, Jsonb(wish.matchers.model_dump(mode="json")), wish.starts_at, wish.ends_at, wish.reason, actor),
    )
    record(session, org, actor=actor, operation="notify.add_silence", object=str(made), reason=wish.reason)
    return made


def list_silences(session: Session, org: UUID, *, over: bool = False, silence: UUID | None = None) -> list[SilenceView]:
    """Return silences, the one that ends first before others; at most 1,000."""
    rows = wire_of(session).cursor(row_factory=dict_row).execute(LIST, {"org": org, "over": over, "id": silence}).fetchall()
    return [SilenceView.model_validate(row) for row in rows]


def get_silence(session: Session, org: UUID, silence: UUID) -> SilenceView:
    """Return one silence; raises NotFound."""
    found = list_silences(session, org, over=True, silence=silence)
    if not found:
        message = f"there is no silence {silence}"
        raise NotFound(message)
    return found[0]


def end_silence(session: Session, org: UUID, silence: UUID, *, actor: str) -> None:
    """End a silence now, also one that has not begun; one that is over stays as it is. Raises NotFound."""
    get_silence(session, org, silence)
    if wire_of(session).execute(END, (org, silence)).rowcount:
        record(session, org, actor=actor, operation="notify.end_silence", object=str(silence))


def page_silences(session: Session, *, over: bool, limit: int, after: str | None) -> Page[SilenceView]:
    """Return silences, newest first; those that are over only when asked for."""
    query = select(Silence)
    if not over:
        query = query.where(Silence.ends_at > func.wf_now())
    return page(
        session, query, [Silence.id], shape=lambda row: SilenceView.model_validate(row[0], from_attributes=True), limit=limit, after=after
    )


def page_suppressions(session: Session, *, limit: int, after: str | None) -> Page[SuppressionView]:
    """Return the addresses that take no mail now, newest first."""
    query = select(Suppression).where(or_(Suppression.until.is_(None), Suppression.until > func.wf_now()))
    return page(session, query, [Suppression.id], shape=lambda row: _suppression(row[0]), limit=limit, after=after)


def remove_suppression(session: Session, org: UUID, suppression: UUID, *, actor: str) -> None:
    """Let mail go to an address again; what was suppressed stays so until it is sent again. Raises NotFound."""
    sql = "delete from notify_suppression where org = %s and id = %s returning shown"
    row = wire_of(session).execute(sql, (org, suppression)).fetchone()
    if row is None:
        message = f"there is no suppression {suppression}"
        raise NotFound(message)
    record(session, org, actor=actor, operation="notify.remove_suppression", object=str(suppression), reason=row[0])


def _suppression(row: Suppression) -> SuppressionView:
    told = {name: getattr(row, name) for name in SuppressionView.model_fields if name != "address"}
    return SuppressionView(address=row.shown, **told)
