"""Turn what a reader asked for into everything that decides a report: preset, settings and defaults filled in."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from watchfloor.capabilities.reports.queries import findings, presets
from watchfloor.capabilities.reports.schemas.requests import Filters, PresetWish
from watchfloor.capabilities.reports.schemas.snapshot import Options
from watchfloor.capabilities.reports.schemas.words import Audience, Format, Redaction, Retention
from watchfloor.kernel.contract import Severity
from watchfloor.kernel.errors import InvalidInput
from watchfloor.kernel.findings.queries import STATES
from watchfloor.kernel.sections import EVERYBODY, FindingFilter

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import timedelta
    from uuid import UUID

    from sqlalchemy.orm import Session

    from watchfloor.capabilities.reports.models import Theme
    from watchfloor.capabilities.reports.schemas.requests import Wish
    from watchfloor.capabilities.reports.settings import ReportSettings
    from watchfloor.kernel.sections import ReportSection, Scope

USUAL: Final = (Format.PDF, Format.HTML, Format.JSON)
# For each audience one preset that nobody has to make.
BUILT_IN: Final = {
    "executive": PresetWish(audience=Audience.EXECUTIVE),
    "engineer": PresetWish(audience=Audience.ENGINEER, full=True),
    "auditor": PresetWish(audience=Audience.AUDITOR, full=True, retention=Retention.AUDIT),
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
    formats: list[Format]
    filters: FindingFilter | None
    sections: tuple[str, ...]

    def narrow(self, scope: Scope) -> Scope:
        """Return a scope with what of it is told and listed."""
        return replace(scope, filters=self.filters, sections=self.sections)


def wanted(
    session: Session,
    org: UUID,
    wish: Wish,
    settings: ReportSettings,
    sections: Mapping[str, ReportSection],
    usual: Sequence[Format] = USUAL,
) -> Wanted:
    """Fill in a wish: what it says, else what its preset says, else what its theme or the settings say, or for formats the `usual` ones.

    A wish may choose among those `sections` that are for everybody; what is told to one audience alone is always told to it.

    Raises:
        InvalidInput: An unknown preset, theme, time zone, section or capability, or a hold, which is nobody's to wish.
    """
    known = [name for name, one in sections.items() if one.audiences == EVERYBODY]
    base, own = (one.model_dump(exclude_none=True) for one in (_preset(session, org, wish.preset), wish))
    said = {**base, **own}
    filters = Filters.model_validate({**base.get("filters", {}), **own.get("filters", {})})
    theme = _theme(session, org, said.get("theme"))
    retention = said.get("retention", Retention.STANDARD)
    if retention is Retention.HOLD:
        message = "a hold needs a reason: ask for the report, then hold it (`watchfloor reports hold`, POST /api/v1/reports/{report}/hold)"
        raise InvalidInput(message, field="/retention")
    return Wanted(
        _options(said, theme, settings),
        said.get("redaction", Redaction.INTERNAL),
        retention,
        keep_of(retention, settings),
        wish.preset or "",
        theme.name if theme else "",
        theme.logo if theme else None,
        said.get("formats") or list(usual),
        _filter(session, org, filters, known),
        _sections(said.get("sections") or [], known),
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


def _options(said: Mapping[str, Any], theme: Theme | None, settings: ReportSettings) -> Options:
    classification, author, locale = (theme.classification, theme.author, theme.locale) if theme else ("", "", "")
    return Options(
        audience=said.get("audience", Audience.ENGINEER).value, locale=said.get("locale") or locale or settings.locale,
        time_zone=_zone(said.get("time_zone", settings.time_zone)), full=said.get("full", False),
        classification=said.get("classification") or classification or settings.classification, author=author or settings.author,
        author_url=settings.author_url, theme=theme.tokens if theme else {}, logo=bool(theme and theme.logo), pdf_rows_max=settings.pdf_rows_max,
        html_rows_max=settings.html_rows_max,
    )  # fmt: skip


def _theme(session: Session, org: UUID, name: str | None) -> Theme | None:
    found = presets.find_theme(session, org, name) if name else None
    if name and found is None:
        message = f"there is no theme {name!r}; GET /api/v1/reports/themes lists those there are"
        raise InvalidInput(message, field="/theme")
    return found


def _filter(session: Session, org: UUID, filters: Filters, known: Collection[str]) -> FindingFilter | None:
    """Return a filter in the one way in which it can be said, None where it lists everything."""
    capabilities = set(filters.capabilities or ())
    if capabilities - set(known):
        there = {*known, *findings.known_capabilities(session, org)}
        if unknown := capabilities - there:
            raise _unknown("capability", "capabilities", unknown, there, field="/filters/capabilities")
    states = set(filters.states or ())
    made = FindingFilter(
        min_severity=str(filters.min_severity or Severity.INFO), states=() if states == set(STATES) else tuple(sorted(states)),
        capabilities=tuple(sorted(capabilities)), known_exploited=filters.known_exploited or False,
    )  # fmt: skip
    return None if made == FindingFilter() else made


def _sections(names: list[str], known: Collection[str]) -> tuple[str, ...]:
    if unknown := set(names) - set(known):
        raise _unknown("section", "sections", unknown, known, field="/sections")
    return () if set(names) == set(known) else tuple(sorted(set(names)))


def _unknown(one: str, many: str, names: Collection[str], there: Collection[str], *, field: str) -> InvalidInput:
    shown = ", ".join(repr(name[:60]) for name in sorted(names)[:5])
    return InvalidInput(f"there is no {one} {shown}; the {many} there are: {', '.join(sorted(there))}", field=field)


def _preset(session: Session, org: UUID, name: str | None) -> PresetWish:
    if name is None:
        return PresetWish()
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
