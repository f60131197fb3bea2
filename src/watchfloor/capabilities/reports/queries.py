"""What a report needs besides its sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from watchfloor.capabilities.reports.engine.render import Format
from watchfloor.kernel.db.session import wire_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.orm import Session


def as_of(session: Session) -> datetime:
    """Return the moment of a transaction's data, by the database's clock."""
    row: Any = wire_of(session).execute("select date_trunc('second', wf_now())").fetchone()
    moment: datetime = row[0]
    return moment


def org_name(session: Session, org: UUID) -> str:
    """Return an organisation's name."""
    row: Any = wire_of(session).execute("select name from org where id = %s", (org,)).fetchone()
    return str(row[0])


def made_by(session: Session, org: UUID, job: UUID) -> dict[Format, UUID]:
    """Return the files a job has stored already, by format."""
    rows = wire_of(session).execute("select name, id from artifact where org = %s and job = %s order by id", (org, job)).fetchall()
    return {Format(str(name).rpartition(".")[2]): artifact for name, artifact in rows}
