"""Whether what a report is about is there: a report about nothing would look like one about something clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound
from watchfloor.kernel.sections import EVERYBODY

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.kernel.sections import ReportSection, Scope

TAGGED: Final = "select exists (select from asset where org = %s and %s = any (tags))"


def accepting(
    session: Session, org: UUID, scope: Scope, sections: Mapping[str, ReportSection], audience: str | None = None
) -> dict[str, ReportSection]:  # fmt: skip
    """Return the sections that know what a scope is about and are for an audience, in the order in which they tell it.

    Raises:
        NotFound: There is no such scan, or no asset has the tag.
        InvalidInput: The period has not begun.
    """
    wanted = {name: one for name, one in sections.items() if one.audiences == EVERYBODY or audience in one.audiences}
    known = {name: one for name, one in wanted.items() if one.accepts(session, org, scope)}
    if scope.kind in {"scan", "comparison"} and not any(one.audiences == EVERYBODY for one in known.values()):
        earlier = f" or no scan {scope.base}" if scope.base else ""
        raise NotFound(f"there is no scan {scope.scan}{earlier}; `watchfloor scans list` shows those there are")
    if scope.since and _one(session, "select %s > wf_now()", scope.since):
        raise InvalidInput(f"the period begins at {scope.since:%Y-%m-%d %H:%M} UTC, a moment that has not come", field="/since")
    if scope.tag and not _one(session, TAGGED, org, scope.tag):
        raise NotFound(f"no asset has the tag {scope.tag[:60]!r}; `watchfloor assets list` shows the tags there are")
    return dict(sorted(known.items(), key=lambda item: (item[1].order, item[0])))


def _one(session: Session, sql: str, *values: object) -> bool:
    row: Any = wire_of(session).execute(sql, values).fetchone()
    return bool(row[0])
