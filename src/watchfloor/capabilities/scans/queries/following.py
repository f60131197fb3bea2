"""What changed in a scan since a follower last looked: progress, ports that opened, the end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, select

from watchfloor.capabilities.scans.models import Host, ScannedService
from watchfloor.capabilities.scans.queries import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from pydantic import BaseModel
    from sqlalchemy.orm import Session

    from watchfloor.capabilities.scans.queries.views import ScanProgress, ServiceView

# Commits arrive out of order: what was stamped this much earlier may become visible later.
OVERLAP = timedelta(seconds=5)
AT_ONCE = 1000
RUNS = {"draft", "planned", "running"}


class Following:
    """One follower of one scan; what it was told once is not told again."""

    def __init__(self, org: UUID, scan: UUID) -> None:
        """Know nothing yet: the first look tells everything so far."""
        self._org, self._scan = org, scan
        self._since: datetime | None = None
        self._told: dict[UUID, datetime] = {}
        self._progress: ScanProgress | None = None
        self.ended = False

    def look(self, session: Session) -> Iterator[tuple[str, BaseModel]]:
        """Yield `port`, `progress` and at last `end` events; raises NotFound.

        A port is told when it opens and again when its service is known or another one. Ports first: whoever is told of the end has
        been told of every port before.
        """
        view = read.get_scan(session, self._org, self._scan)  # before the ports, so that none can follow an end
        yield from (("port", service) for service in self._ports(session))
        progress = read.scan_progress(session, self._org, self._scan)
        if self._progress is not None and progress.state == self._progress.state:
            # A part whose worker was lost goes on from its resume point; what was told is not taken back.
            progress = progress.model_copy(update={name: max(getattr(progress, name), getattr(self._progress, name)) for name in GROWING})
        if progress != self._progress:
            self._progress = progress
            yield "progress", progress
        if view.state not in RUNS:
            self.ended = True
            yield "end", view

    def _ports(self, session: Session) -> list[ServiceView]:
        found: list[ServiceView] = []
        query = (
            select(ScannedService, Host).join(Host, and_(Host.org == ScannedService.org, Host.id == ScannedService.host))
            .where(ScannedService.org == self._org, ScannedService.scan == self._scan).order_by(ScannedService.changed_at, ScannedService.id)
        )  # fmt: skip
        if self._since is not None:
            query = query.where(ScannedService.changed_at > self._since - OVERLAP)
        for row in session.execute(query).yield_per(AT_ONCE):
            service = row[0]
            if self._told.get(service.id) != service.changed_at:
                self._told[service.id] = service.changed_at
                found.append(read.service_view(row))
            self._since = service.changed_at if self._since is None else max(self._since, service.changed_at)
        if self._since is not None:
            self._told = {known: moment for known, moment in self._told.items() if moment > self._since - 2 * OVERLAP}
        return found


GROWING = ("done", "percent", "open", "shards_done")
