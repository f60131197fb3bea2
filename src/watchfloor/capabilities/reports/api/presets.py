"""REST: presets and themes of reports."""

# ruff: noqa: TC001 - FastAPI reads annotations when the program runs
from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path

from watchfloor.capabilities.reports.engine import theme as colours
from watchfloor.capabilities.reports.engine.logo import clean_png
from watchfloor.capabilities.reports.jobs.wishes import BUILT_IN
from watchfloor.capabilities.reports.queries import presets
from watchfloor.capabilities.reports.schemas.manage import Name, Presets, PresetView, ThemeChange, Themes, ThemeView
from watchfloor.capabilities.reports.schemas.requests import Wish
from watchfloor.kernel.tenancy.access import Caller

routes = APIRouter(tags=["reports"])
PresetName = Annotated[Name, Path(description="Small letters, digits and hyphens.")]


@routes.get("/presets")
def list_report_presets(caller: Caller) -> Presets:
    """List how reports can be asked for by one word: three that are built in, and your own, which may take their names."""
    with caller.transaction() as session:
        own = presets.list_presets(session, caller.org)
    taken = {one.name for one in own}
    return Presets(items=[*(PresetView(name=name, wish=wish, built_in=True) for name, wish in BUILT_IN.items() if name not in taken), *own])


@routes.put("/presets/{name}", status_code=204)
def set_report_preset(caller: Caller, name: PresetName, body: Wish) -> None:
    """Write a preset, or write it anew."""
    with caller.transaction() as session:
        presets.set_preset(session, caller.org, name, body.model_copy(update={"preset": None}), actor=caller.name)


@routes.delete("/presets/{name}", status_code=204)
def remove_report_preset(caller: Caller, name: PresetName) -> None:
    """Remove a preset of your own; reports made with it stay."""
    with caller.transaction() as session:
        presets.remove_preset(session, caller.org, name, actor=caller.name)


@routes.get("/themes")
def list_report_themes(caller: Caller) -> Themes:
    """List themes."""
    with caller.transaction() as session:
        return Themes(items=presets.list_themes(session, caller.org))


@routes.put("/themes/{name}")
def set_report_theme(caller: Caller, name: PresetName, body: ThemeChange) -> ThemeView:
    """Write a theme, or write it anew; its logo stays. A colour that cannot be read on paper is a 422 that says its contrast."""
    colours.check(body.tokens)
    with caller.transaction() as session:
        presets.set_theme(session, caller.org, name, body, actor=caller.name)
        return presets.get_theme(session, caller.org, name)


@routes.delete("/themes/{name}", status_code=204)
def remove_report_theme(caller: Caller, name: PresetName) -> None:
    """Remove a theme; reports made with it stay."""
    with caller.transaction() as session:
        presets.remove_theme(session, caller.org, name, actor=caller.name)


@routes.put("/themes/{name}/logo", status_code=204)
def set_report_logo(caller: Caller, name: PresetName, body: Annotated[bytes, Body(media_type="image/png")]) -> None:
    """Give a theme a logo: a PNG of at most 1 MiB and 4,000 pixels a side; whatever it holds besides the picture is dropped."""
    logo = clean_png(body)
    with caller.transaction() as session:
        presets.set_logo(session, caller.org, name, logo, actor=caller.name)


@routes.delete("/themes/{name}/logo", status_code=204)
def remove_report_logo(caller: Caller, name: PresetName) -> None:
    """Take a theme's logo away."""
    with caller.transaction() as session:
        presets.set_logo(session, caller.org, name, None, actor=caller.name)
