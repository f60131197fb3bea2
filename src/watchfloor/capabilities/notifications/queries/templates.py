"""Templates: an organisation's own words, one text for each event or pattern and kind of channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.rows import dict_row

from watchfloor.capabilities.notifications.schemas.templates import TemplateText, TemplateView
from watchfloor.capabilities.notifications.schemas.wire import ChannelKind
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from sqlalchemy.orm import Session

MOST: Final = 500  # of an organisation
LIST: Final = """
select event, kind, subject, body, revision, changed_by, changed_at from notify_template
where org = %(org)s and (%(event)s::text is null or event = %(event)s) and (%(kind)s::text is null or kind = %(kind)s) order by event, kind
"""
KEEP: Final = """
insert into notify_template as t (org, id, event, kind, subject, body, changed_by)
select %(org)s, %(id)s, %(event)s, %(kind)s, %(subject)s, %(body)s, %(actor)s
where (select count(*) from notify_template where org = %(org)s and (event, kind) <> (%(event)s, %(kind)s)) < %(most)s
on conflict (org, event, kind) do update set subject = excluded.subject, body = excluded.body, changed_by = excluded.changed_by,
  changed_at = wf_now(), revision = t.revision + 1
returning id
"""


def list_templates(session: Session, org: UUID, *, event: str | None = None, kind: ChannelKind | None = None) -> list[TemplateView]:
    """Return templates by event and kind."""
    values = {"org": org, "event": event, "kind": str(kind) if kind else None}
    rows = wire_of(session).cursor(row_factory=dict_row).execute(LIST, values).fetchall()
    return [TemplateView.model_construct(**{**row, "kind": ChannelKind(row["kind"])}) for row in rows]


def get_template(session: Session, org: UUID, event: str, kind: ChannelKind) -> TemplateView:
    """Return one template; raises NotFound."""
    found = list_templates(session, org, event=event, kind=kind)
    if not found:
        raise _missing(event, kind)
    return found[0]


def set_template(session: Session, org: UUID, event: str, kind: ChannelKind, text: TemplateText, *, actor: str) -> None:
    """Word such messages so from now on; raises Conflict where the organisation has as many as it may."""
    values: dict[str, Any] = {
        "org": org, "id": new_id(), "event": event, "kind": str(kind), "subject": text.subject, "body": text.body, "actor": actor, "most": MOST,
    }  # fmt: skip
    if wire_of(session).execute(KEEP, values).fetchone() is None:
        message = f"an organisation has {MOST} templates at most; delete one, or use a pattern such as finding.*"
        raise Conflict(message)
    record(session, org, actor=actor, operation="notify.set_template", object=f"{event} {kind}")


def delete_template(session: Session, org: UUID, event: str, kind: ChannelKind, *, actor: str) -> None:
    """Word such messages as Watchfloor does again; raises NotFound."""
    sql = "delete from notify_template where org = %s and event = %s and kind = %s"
    if wire_of(session).execute(sql, (org, event, str(kind))).rowcount == 0:
        raise _missing(event, kind)
    record(session, org, actor=actor, operation="notify.delete_template", object=f"{event} {kind}")


def texts_of(session: Session, org: UUID, kind: ChannelKind, events: Collection[str]) -> dict[str, TemplateText]:
    """Return the texts that are kept for these events and patterns."""
    sql = "select event, subject, body from notify_template where org = %s and kind = %s and event = any (%s)"
    rows = wire_of(session).execute(sql, (org, str(kind), sorted(events))).fetchall()
    # What is kept was judged when it was saved; should it be unfit by now, wording it says so and nothing is lost.
    return {row[0]: TemplateText.model_construct(subject=row[1], body=row[2]) for row in rows}


def _missing(event: str, kind: ChannelKind) -> NotFound:
    return NotFound(f"there is no template for {event} over {kind}")
