"""Turn what a reader asked for into everything that decides a report: preset, settings and defaults filled in."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from watchfloor.capabilities.reports.queries import presets
from watchfloor.capabilities.reports.schemas.requests import Wish
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.capabilities.reports.schemas.words import Audience, Format, Redaction, Retention
from watchfloor.kernel.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.reports.settings import ReportSettings

# For each audience one preset that nobody has to make.
BUILT_IN: Final = {
    "executive": Wish(audience=Audience.EXECUTIVE),
    "engineer": Wish(audience=Audience.ENGINEER, full=True),
    "auditor": Wish(audience=Audience.AUDITOR, full=True, retention=Retention.AUDIT),
}


@dataclass(frozen=True)
class Wanted:
    """All that is decided before a snapshot is taken."""

    options: Options
    redaction: Redaction
    retention: Retention
    keep: timedelta
    preset: str
    theme: str
    logo: bytes | None


def wanted(session: Session, org: UUID, wish: Wish, settings: ReportSettings) -> Wanted:
    """Fill in a wish: what it says, else what its preset says, else what the settings say.

    Raises:
        InvalidInput: An unknown preset, theme or time zone, or a hold, which is nobody's to wish.
    """
    base = _preset(session, org, wish.preset)
    said = {**base.model_dump(exclude_none=True), **wish.model_dump(exclude_none=True)}
    theme = presets.find_theme(session, org, said["theme"]) if said.get("theme") else None
    if said.get("theme") and theme is None:
        message = f"there is no theme {said['theme']!r}; GET /api/v1/reports/themes lists those there are"
        raise InvalidInput(message, field="/theme")
    retention = said.get("retention", Retention.STANDARD)
    if retention is Retention.HOLD:
        message = "a hold needs a reason: ask for the report, then hold it (`watchfloor reports hold`, POST /api/v1/reports/{report}/hold)"
        raise InvalidInput(message, field="/retention")
    options = Options(
        audience=said.get("audience", Audience.ENGINEER).value, locale=said.get("locale", settings.locale), time_zone=_zone(said.get("time_zone", settings.time_zone)),
        full=said.get("full", False), classification=said.get("classification") or (theme.classification if theme else "") or settings.classification,
        author=(theme.author if theme else "") or settings.author, author_url=settings.author_url, theme=theme.tokens if theme else {},
        logo=bool(theme and theme.logo), pdf_rows_max=settings.pdf_rows_max, html_rows_max=settings.html_rows_max,
    )  # fmt: skip
    return Wanted(
        options,
        said.get("redaction", Redaction.INTERNAL),
        retention,
        keep_of(retention, settings),
        wish.preset or "",
        theme.name if theme else "",
        theme.logo if theme else None,
    )


def keep_of(retention: Retention, settings: ReportSettings) -> timedelta:
    """Return how long a class is kept."""
    return {Retention.TEMPORARY: settings.keep_temporary, Retention.STANDARD: settings.keep_standard}.get(retention, settings.keep_audit)


def refuse_formats(formats: list[Format], options: Options) -> list[Format]:
    """Return the formats once each.

    Raises:
        InvalidInput: CSAF, which must name its publisher, without one.
    """
    if Format.CSAF in formats and not (options.author and options.author_url.startswith("https://")):
        message = (
            "a CSAF document names its publisher: set WATCHFLOOR_REPORTS_AUTHOR and WATCHFLOOR_REPORTS_AUTHOR_URL (an https address) first"
        )
        raise InvalidInput(message, field="/format")
    return list(dict.fromkeys(formats))


def _preset(session: Session, org: UUID, name: str | None) -> Wish:
    if name is None:
        return Wish()
    found = presets.find_preset(session, org, name) or BUILT_IN.get(name)
    if found is None:
        message = f"there is no preset {name!r}; GET /api/v1/reports/presets lists those there are"
        raise InvalidInput(message, field="/preset")
    return found


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        message = f"{name[:60]!r} is no time zone; use a name such as Europe/Berlin or UTC"
        raise InvalidInput(message, field="/time_zone") from None
    return name
