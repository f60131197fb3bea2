"""Presets and themes of an organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.types.json import Jsonb
from sqlalchemy import select

from watchfloor.capabilities.reports.models import Preset, Report, Theme
from watchfloor.capabilities.reports.schemas.manage import PresetView, ThemeChange, ThemeView
from watchfloor.capabilities.reports.schemas.requests import PresetWish
from watchfloor.kernel.audit.record import record
from watchfloor.kernel.db.ids import new_id
from watchfloor.kernel.db.session import wire_of
from watchfloor.kernel.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.orm import Session

MANY = 200


def list_presets(session: Session, org: UUID) -> list[PresetView]:
    """Return the organisation's own presets by name."""
    rows = session.scalars(select(Preset).where(Preset.org == org).order_by(Preset.name)).all()
    return [PresetView(name=one.name, wish=PresetWish.model_validate(one.spec), actor=one.actor, changed_at=one.changed_at) for one in rows]


def find_preset(session: Session, org: UUID, name: str) -> PresetWish | None:
    """Return a preset's wish, or None."""
    spec = session.scalar(select(Preset.spec).where(Preset.org == org, Preset.name == name))
    return None if spec is None else PresetWish.model_validate(spec)


def set_preset(session: Session, org: UUID, name: str, wish: PresetWish, *, actor: str) -> None:
    """Write a preset, or write it anew."""
    _room(session, "report_preset", org, name)
    wire_of(session).execute(
        "insert into report_preset (org, id, name, spec, actor) values (%s, %s, %s, %s, %s) "
        "on conflict (org, name) do update set spec = excluded.spec, actor = excluded.actor, changed_at = wf_now()",
        (org, new_id(), name, Jsonb(wish.model_dump(mode="json", exclude_none=True)), actor),
    )
    record(session, org, actor=actor, operation="report_preset.set", object=name)


def remove_preset(session: Session, org: UUID, name: str, *, actor: str) -> None:
    """Remove a preset; reports made with it stay. Raises NotFound."""
    if not wire_of(session).execute("delete from report_preset where org = %s and name = %s", (org, name)).rowcount:
        message = "there is no preset of this name that is your own; GET /api/v1/reports/presets lists those there are"
        raise NotFound(message)
    record(session, org, actor=actor, operation="report_preset.remove", object=name)


def list_themes(session: Session, org: UUID) -> list[ThemeView]:
    """Return themes by name."""
    return [_theme(one) for one in session.scalars(select(Theme).where(Theme.org == org).order_by(Theme.name)).all()]


def find_theme(session: Session, org: UUID, name: str) -> Theme | None:
    """Return a theme, or None."""
    return session.scalar(select(Theme).where(Theme.org == org, Theme.name == name))


def get_theme(session: Session, org: UUID, name: str) -> ThemeView:
    """Return a theme; raises NotFound."""
    found = find_theme(session, org, name)
    if found is None:
        raise _no_theme()
    return _theme(found)


def set_theme(session: Session, org: UUID, name: str, theme: ThemeChange, *, actor: str) -> None:
    """Write a theme, or write it anew; its logo stays."""
    _room(session, "report_theme", org, name)
    wire_of(session).execute(
        "insert into report_theme (org, id, name, tokens, classification, author, locale, actor) values (%s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict (org, name) do update set tokens = excluded.tokens, classification = excluded.classification, author = excluded.author, "
        "locale = excluded.locale, actor = excluded.actor, changed_at = wf_now()",
        (org, new_id(), name, Jsonb(theme.tokens), theme.classification, theme.author, theme.locale, actor),
    )
    record(session, org, actor=actor, operation="report_theme.set", object=name)


def set_logo(session: Session, org: UUID, name: str, logo: bytes | None, *, actor: str) -> None:
    """Give a theme a logo, or take it away; raises NotFound."""
    sql = "update report_theme set logo = %s, actor = %s, changed_at = wf_now() where org = %s and name = %s"
    if not wire_of(session).execute(sql, (logo, actor, org, name)).rowcount:
        raise _no_theme()
    record(session, org, actor=actor, operation="report_theme.logo", object=name)


def remove_theme(session: Session, org: UUID, name: str, *, actor: str) -> None:
    """Remove a theme; reports made with it stay. Raises NotFound."""
    if not wire_of(session).execute("delete from report_theme where org = %s and name = %s", (org, name)).rowcount:
        raise _no_theme()
    record(session, org, actor=actor, operation="report_theme.remove", object=name)


def logo_of(session: Session, org: UUID, report: UUID) -> bytes | None:
    """Return the logo that a report was rendered with, or None."""
    found = session.scalar(select(Report).where(Report.org == org, Report.id == report))
    if found is None or not found.options.get("logo"):
        return None
    return session.scalar(select(Theme.logo).where(Theme.org == org, Theme.name == found.theme))


def _theme(one: Theme) -> ThemeView:
    return ThemeView(
        name=one.name, tokens=one.tokens, classification=one.classification, author=one.author, locale=one.locale, logo=one.logo is not None,
        actor=one.actor, changed_at=one.changed_at,
    )  # fmt: skip


def _no_theme() -> NotFound:
    return NotFound("there is no theme of this name; GET /api/v1/reports/themes lists those there are")


def _room(session: Session, table: str, org: UUID, name: str) -> None:
    found = wire_of(session).execute(f"select count(*) from {table} where org = %s and name <> %s", (org, name)).fetchone()  # noqa: S608 - our own tables
    if found and found[0] >= MANY:
        message = f"there are {MANY} already; remove one first"
        raise InvalidInput(message, field="/name")
