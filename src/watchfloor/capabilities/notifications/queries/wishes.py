"""What people wish, which routes there are, and what is silenced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from watchfloor.capabilities.notifications.engine.matching import Silence
from watchfloor.capabilities.notifications.queries import groups
from watchfloor.capabilities.notifications.queries.changing import demand_channels, demand_escalation, filter_of
from watchfloor.capabilities.notifications.schemas.channels import RouteView
from watchfloor.capabilities.notifications.schemas.preferences import STORED, DefaultPreference, PreferenceView, Wishes
from watchfloor.capabilities.notifications.schemas.rules import Matchers
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import Conflict, InvalidInput, NotFound

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.notifications.schemas.channels import RouteCreate

ROUTE: Final = """
id, name, owner, events, min_severity, channels, asset_filter, digest, mandatory, enabled, group_by, group_wait, group_interval, repeat_interval, escalation_id,
created_by, created_at
"""
NOBODY: Final = ""  # under no name lies what the organisation wishes for those who never said
KEEP: Final = """
insert into notify_preference as p (org, id, user_id, wishes, changed_by) values (%(org)s, %(id)s, %(user)s, %(wishes)s, %(actor)s)
on conflict (org, user_id) do update set wishes = excluded.wishes, changed_by = excluded.changed_by, changed_at = wf_now(), revision = p.revision + 1
"""
# Who never said anything keeps what the organisation wishes for them beside what they say now.
DEFAULT: Final = "coalesce((select d.wishes from notify_preference d where d.org = %(org)s and d.user_id = ''), '{}')"
PAUSE: Final = f"""
insert into notify_preference as p (org, id, user_id, wishes, changed_by)
select %(org)s, %(id)s, %(user)s, {DEFAULT} || jsonb_build_object('paused_until', %(until)s::text), %(actor)s where %(until)s::timestamptz > wf_now()
on conflict (org, user_id) do update set wishes = p.wishes || jsonb_build_object('paused_until', %(until)s::text), changed_by = excluded.changed_by,
  changed_at = wf_now(), revision = p.revision + 1
"""
RESUME: Final = """
update notify_preference set wishes = wishes - 'paused_until', changed_by = %(actor)s, changed_at = wf_now(), revision = revision + 1
where org = %(org)s and user_id = %(user)s and wishes ? 'paused_until'
"""


def list_silences(session: Session, org: UUID) -> list[Silence]:
    """Return the silences that hold now."""
    sql = "select matchers, starts_at, ends_at from notify_silence where org = %s and starts_at <= wf_now() and ends_at > wf_now()"
    rows = wire_of(session).execute(sql, (org,)).fetchall()
    return [Silence(matchers=Matchers.model_validate(row[0]), starts_at=row[1], ends_at=row[2]) for row in rows]


def get_preference(session: Session, org: UUID, user: str) -> PreferenceView:
    """Return what a person wishes; the organisation's defaults when they never said."""
    row = _wished(session, org, user)
    if row is None:
        return PreferenceView(user_id=user, wishes=get_default_preference(session, org).wishes, revision=0)
    return PreferenceView(user_id=user, wishes=_stored(row[0]), revision=row[1], changed_by=row[2], changed_at=row[3])


def set_preference(session: Session, org: UUID, user: str, wishes: Wishes, *, actor: str) -> None:
    """Keep what a person wishes."""
    _keep(session, org, user, wishes, actor)
    record(session, org, actor=actor, operation="notify.set_preference", object=user)


def get_default_preference(session: Session, org: UUID) -> DefaultPreference:
    """Return what people have who never said what they wish; ours where the organisation set nothing."""
    row = _wished(session, org, NOBODY)
    if row is None:
        return DefaultPreference(wishes=Wishes(), revision=0)
    return DefaultPreference(wishes=_stored(row[0]), revision=row[1], changed_by=row[2], changed_at=row[3])


def set_default_preference(session: Session, org: UUID, wishes: Wishes, *, actor: str) -> None:
    """Let people who never said what they wish have this, from now on and for what is held already."""
    _keep(session, org, NOBODY, wishes, actor)
    record(session, org, actor=actor, operation="notify.set_default_preference", object="default")


def _wished(session: Session, org: UUID, user: str) -> Any:  # noqa: ANN401 - a row of four columns, or None
    sql = "select wishes, revision, changed_by, changed_at from notify_preference where org = %s and user_id = %s"
    return wire_of(session).execute(sql, (org, user)).fetchone()


def _keep(session: Session, org: UUID, user: str, wishes: Wishes, actor: str) -> None:
    told = Jsonb(wishes.model_dump(mode="json", exclude_none=True))
    wire_of(session).execute(KEEP, {"org": org, "id": new_id(), "user": user, "wishes": told, "actor": actor})


def _stored(wishes: object) -> Wishes:
    return Wishes.model_validate(wishes, context={STORED: True})


def pause(session: Session, org: UUID, user: str, until: datetime, *, actor: str) -> None:
    """Tell a person nothing until then but what is mandatory, and leave their other wishes as they are.

    Raises:
        InvalidInput: That is over already.
    """
    values = {"org": org, "id": new_id(), "user": user, "until": until.isoformat(), "actor": actor}
    if not wire_of(session).execute(PAUSE, values).rowcount:
        raise InvalidInput(f"{until:%Y-%m-%d %H:%M} UTC is over already; a pause ends in the future", field="/paused_until")
    record(session, org, actor=actor, operation="notify.pause", object=user, reason=f"until {until.isoformat(timespec='minutes')}")


def resume(session: Session, org: UUID, user: str, *, actor: str) -> None:
    """Tell a person again who is paused; who is not is told already."""
    if wire_of(session).execute(RESUME, {"org": org, "user": user, "actor": actor}).rowcount:
        record(session, org, actor=actor, operation="notify.resume", object=user)


def add_route(session: Session, org: UUID, wish: RouteCreate, *, actor: str) -> UUID:
    """Keep a route; raises InvalidInput for channels and escalations that there are not, Conflict for a name that is taken."""
    wire, made = wire_of(session), new_id()
    demand_channels(session, org, wish.channels)
    demand_escalation(session, org, wish.escalation_id)
    sql = (
        "insert into notify_route (org, id, owner, name, events, min_severity, channels, asset_filter, digest, mandatory, enabled, created_by, "
        "group_by, group_wait, group_interval, repeat_interval, escalation_id) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
    )
    values: tuple[Any, ...] = (
        org, made, wish.owner, wish.name, list(wish.events), str(wish.min_severity), list(dict.fromkeys(wish.channels)),
        filter_of(wish.asset_filter), Jsonb(wish.digest.model_dump(mode="json")) if wish.digest else None, wish.mandatory, wish.enabled, actor,
        list(wish.group_by) if wish.group_by is not None else None, wish.group_wait, wish.group_interval, wish.repeat_interval, wish.escalation_id,
    )  # fmt: skip
    try:
        wire.execute(sql, values)
    except UniqueViolation as error:
        message = f"there is a route {wish.name!r} already"
        raise Conflict(message) from error
    record(session, org, actor=actor, operation="notify.add_route", object=str(made), reason=wish.name)
    return made


def list_routes(session: Session, org: UUID, *, route: UUID | None = None) -> list[RouteView]:
    """Return routes by owner and name."""
    sql = f"select {ROUTE} from notify_route where org = %(org)s and (%(id)s::uuid is null or id = %(id)s) order by owner, name"  # noqa: S608 - our own columns
    rows = wire_of(session).cursor(row_factory=dict_row).execute(sql, {"org": org, "id": route}).fetchall()
    return [RouteView.model_validate(row) for row in rows]


def get_route(session: Session, org: UUID, route: UUID) -> RouteView:
    """Return one route; raises NotFound."""
    found = list_routes(session, org, route=route)
    if not found:
        message = f"there is no route {route}"
        raise NotFound(message)
    return found[0]


def remove_route(session: Session, org: UUID, route: UUID, *, actor: str) -> None:
    """Remove a route; what waits in its groups is told no more. Raises NotFound."""
    wire = wire_of(session)
    # A route is locked before its groups, as it is where messages join them.
    if wire.execute("select 1 from notify_route where org = %s and id = %s for update", (org, route)).fetchone() is None:
        message = f"there is no route {route}"
        raise NotFound(message)
    groups.close_of_route(session, org, route)
    wire.execute("delete from notify_route where org = %s and id = %s", (org, route))
    record(session, org, actor=actor, operation="notify.remove_route", object=str(route))
