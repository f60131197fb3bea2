"""Render a snapshot as one HTML file: nothing loaded, one script of ours that nothing depends on, readable on screen and paper. Pure."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from watchfloor.capabilities.reports.engine import theme
from watchfloor.capabilities.reports.engine.logo import media_type
from watchfloor.capabilities.reports.engine.page import PICKED, Page
from watchfloor.capabilities.reports.engine.render import Rendered
from watchfloor.capabilities.reports.engine.text import line, prose
from watchfloor.capabilities.reports.engine.translate import translated
from watchfloor.capabilities.reports.engine.words import Words

if TYPE_CHECKING:
    from collections.abc import Callable

    from watchfloor.capabilities.reports.engine.spool import Spool
    from watchfloor.capabilities.reports.schemas.snapshot import Options

PACKAGE: Final = "watchfloor.capabilities.reports.engine"


def write(spool: Spool, options: Options, out: Callable[[bytes], None], logo: bytes = b"") -> Rendered:
    """Write a page piece by piece; every text in it is shown as text, whatever it holds.

    Raises:
        InvalidInput: The theme has a colour that nobody could read.
    """
    words = Words(options.locale, options.time_zone)
    spool.head = translated(spool.head, words)
    page = Page(spool, options, words)
    style, script = _style(options), _source("report.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; img-src data:; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    sort = media_type(logo)
    picture = Markup(f"data:{sort};base64,") + base64.b64encode(logo).decode("ascii") if sort else ""  # noqa: S704 - one of our words
    pieces = TEMPLATE.generate(
        page=page, head=spool.head, options=options, _=words, words=words, policy=policy, logo=picture, picked=PICKED,
        style=Markup(style), script=Markup(script),  # noqa: S704 - ours, and tested to hold no closing tag
    )  # fmt: skip
    for piece in pieces:
        out(piece.encode("utf-8", "backslashreplace"))
    return Rendered(rows_shown=page.shown, rows_total=page.total, notes=tuple(page.remarks))


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    found = Environment(loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    # Everything printed passes here before it is escaped; markup of ours is no plain str.
    found.finalize = lambda value: prose(value) if type(value) is str else value
    return found


@lru_cache(maxsize=4)
def _source(name: str) -> str:
    source, _, _ = _environment().loader.get_source(_environment(), name)  # type: ignore[union-attr]  # set above
    return source.strip()


def _style(options: Options) -> str:
    light, dark, paper = (_tokens(theme.colours(base, options.theme)) for base in (theme.LIGHT, theme.DARK, theme.PRINT))
    fills = "".join(f".f-{token}{{fill:var(--{token})}}.s-{token}{{stroke:var(--{token})}}" for token in theme.LIGHT)
    return (
        f":root{{color-scheme:light dark;{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
        f"@media print{{:root{{color-scheme:light;{paper}}}}}\n{fills}\n{_source('report.css')}\n"
        f'@page{{@bottom-left{{content:"{_quoted(options.classification)}"}}@bottom-right{{content:counter(page) " / " counter(pages)}}}}'
    )


def _quoted(text: str) -> str:
    # Everything but plain letters and digits by its number: no text can end the string, the rule or the element.
    return "".join(one if one.isascii() and one.isalnum() else f"\\{ord(one):x} " for one in line(text))


def _tokens(colours: dict[str, str]) -> str:
    return ";".join(f"--{token}:{colour}" for token, colour in colours.items())


# Compiled when the module is read: once for all boxes, which are forked later.
TEMPLATE: Final = _environment().get_template("report.html")
