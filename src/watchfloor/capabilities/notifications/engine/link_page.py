"""The page that a link in a message opens: who is told of what, or looks after it, and one button; no script, nothing from elsewhere. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from watchfloor.capabilities.notifications.engine import texts
from watchfloor.capabilities.notifications.engine.german import GERMAN
from watchfloor.capabilities.notifications.engine.link_words import ENGLISH, State

PACKAGE: Final = "watchfloor.capabilities.notifications.engine"
LOCALES: Final = ("en", "de")
STYLE: Final = """
:root { color-scheme: light dark; }
body { margin: 0; padding: 2rem 1rem; background: #f3f4f6; color: #1b1f24; font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 36rem; margin: 0 auto; padding: 1.5rem; background: #fff; border-top: 4px solid #1f5f99; overflow-wrap: anywhere; }
h1 { margin: 0 0 1rem; font-size: 1.4rem; line-height: 1.3; }
button { padding: .6rem 1.2rem; border: 0; background: #1f5f99; color: #fff; font: inherit; cursor: pointer; }
button:focus-visible { outline: 3px solid #1b1f24; outline-offset: 2px; }
@media (prefers-color-scheme: dark) {
  body { background: #14171a; color: #e8eaed; }
  main { background: #1d2125; border-color: #6fb1e8; }
  button { background: #6fb1e8; color: #14171a; }
  button:focus-visible { outline-color: #e8eaed; }
}
"""
# The API's own policy with what this page needs besides: its one style sheet, and its one form.
POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; sandbox allow-forms"
)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is shown. `undo` is the token that takes back what was done, beside which it stands; without one nothing can be taken back."""

    state: State
    user: str = ""
    what: str = ""
    undo: str = ""


_WORDS: Final = {"en": ENGLISH, "de": GERMAN}


def link_page(page: Page, locale: str) -> str:
    """Return the page as HTML; what is not German is English."""
    words = _WORDS.get(locale, ENGLISH)[page.state]
    before, named, rest = words.text.partition("{user}")
    between, _, after = rest.partition("{what}")
    button = "" if page.state is State.OUT and not page.undo else words.button
    return _template().render(
        locale=locale if locale in _WORDS else "en", title=words.title, before=before, user=texts.line(page.user) if named else "", between=between,
        what=texts.line(page.what, 200) if named else "", after=after, button=button, undo=page.undo, style=STYLE,
    )  # fmt: skip


def locale_of(accepted: str) -> str:
    """Return the language of a page for what a browser says it accepts, the first that there is; English without one."""
    for one in accepted[:500].lower().split(","):
        language = one.partition(";")[0].strip().partition("-")[0]
        if language in LOCALES:
            return language
    return LOCALES[0]


@cache
def _template() -> Template:
    found = Environment(loader=PackageLoader(PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return found.get_template("link.html")
