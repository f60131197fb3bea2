"""REST: presets and themes of reports."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path

from watchfloor.capabilities.reports.engine import theme as colours
from watchfloor.capabilities.reports.engine.logo import clean
from watchfloor.capabilities.reports.jobs.wishes import BUILT_IN, refuse_formats, wanted
from watchfloor.capabilities.reports.queries import presets
from watchfloor.capabilities.reports.schemas.manage import Name, Presets, PresetView, ThemeChange, Themes, ThemeView
from watchfloor.capabilities.reports.schemas.requests import PresetWish
from watchfloor.capabilities.reports.settings import ReportSettings
from watchfloor.kernel.settings import read_settings
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["reports"])
Named = Annotated[Name, Path(description="Small letters, digits and hyphens.")]


@routes.get("/presets")
def list_report_presets(caller: Caller) -> Presets:
    """List how reports can be asked for by one word: three that are built in, and your own, which may take their names."""
    with caller.transaction() as session:
        own = presets.list_presets(session, caller.org)
    taken = {one.name for one in own}
    return Presets(items=[*(PresetView(name=name, wish=wish, built_in=True) for name, wish in BUILT_IN.items() if name not in taken), *own])


@routes.put("/presets/{preset}", status_code=204)
def set_report_preset(caller: Caller, preset: Named, body: PresetWish) -> None:
    """Write a preset, or write it anew; what could never be made is a 422."""
    wish = body.model_copy(update={"preset": None})
    with caller.transaction() as session:
        chosen = wanted(session, caller.org, wish, read_settings(ReportSettings, "reports"), caller.sections)
        refuse_formats(chosen.formats, chosen.options)
        presets.set_preset(session, caller.org, preset, wish, actor=caller.name)


@routes.delete("/presets/{preset}", status_code=204)
def remove_report_preset(caller: Caller, preset: Named) -> None:
    """Remove a preset of your own; reports made with it stay."""
    with caller.transaction() as session:
        presets.remove_preset(session, caller.org, preset, actor=caller.name)


@routes.get("/themes")
def list_report_themes(caller: Caller) -> Themes:
    """List themes."""
    with caller.transaction() as session:
        return Themes(items=presets.list_themes(session, caller.org))


@routes.put("/themes/{theme}")
def set_report_theme(caller: Caller, theme: Named, body: ThemeChange) -> ThemeView:
    """Write a theme, or write it anew; its logo stays. A colour that cannot be read on paper is a 422 that says its contrast."""
    colours.check(body.tokens)
    with caller.transaction() as session:
        presets.set_theme(session, caller.org, theme, body, actor=caller.name)
        return presets.get_theme(session, caller.org, theme)


@routes.delete("/themes/{theme}", status_code=204)
def remove_report_theme(caller: Caller, theme: Named) -> None:
    """Remove a theme; reports made with it stay."""
    with caller.transaction() as session:
        presets.remove_theme(session, caller.org, theme, actor=caller.name)


@routes.put("/themes/{theme}/logo", status_code=204)
def set_report_logo(caller: Caller, theme: Named, body: Annotated[bytes, Body(media_type="image/*")]) -> None:
    """Give a theme a logo: a PNG of at most 4,000 pixels a side, or an SVG of shapes, gradients and clips alone; 1 MiB at most.

    Only the picture is kept. An SVG with scripts, links, texts, pictures, styles, animations or entities is a 422 that names the first of them.
    """
    logo = clean(body)
    with caller.transaction() as session:
        presets.set_logo(session, caller.org, theme, logo, actor=caller.name)


@routes.delete("/themes/{theme}/logo", status_code=204)
def remove_report_logo(caller: Caller, theme: Named) -> None:
    """Take a theme's logo away."""
    with caller.transaction() as session:
        presets.set_logo(session, caller.org, theme, None, actor=caller.name)
